"""What is taken as a webhook when a job is made."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import pytest

from gateway.jobs.job_errors import WebhookRefused
from gateway.jobs.webhooks.public_address import Address
from gateway.jobs.webhooks.webhook_url import Resolve, check_webhook


def knowing(*addresses: str) -> Resolve:
    """Every host is there."""

    async def look_up(_host: str, _port: int) -> Sequence[Address]:
        return [ipaddress.ip_address(it) for it in addresses]

    return look_up


PUBLIC = knowing("93.184.216.34")


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example/a?b=c",
        "http://hooks.example:8443",
        "https://Zürich.example/#part",
        "https://93.184.216.34/",
        "https://[2606:2800:220:1::1]:444/",
    ],
)
async def test_a_web_address_out_in_the_world_is_taken(url: str) -> None:
    await check_webhook(url, (), PUBLIC)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example",
        "//hooks.example/",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "https:///nobody",
        "https://me@hooks.example/",
        "https://me:secret@hooks.example/",
        "https://:secret@hooks.example/",
        "https://hooks.example:port/",
        "https://hooks.example:99999/",
        "https://hooks.example:0/",
        "https://hooks.example/\r\nX: y",
        "https://xn--a/",
        "https://[::1",
        "https://" + "a" * 2048,
    ],
)
async def test_anything_else_is_refused_in_words(url: str) -> None:
    with pytest.raises(WebhookRefused, match="webhook"):
        await check_webhook(url, (), PUBLIC)


async def test_one_hidden_address_among_many_is_enough_to_refuse() -> None:
    mixed = knowing("93.184.216.34", "10.1.2.3")

    with pytest.raises(WebhookRefused, match="not public"):
        await check_webhook("https://hooks.example/", (), mixed)
    await check_webhook("https://hooks.example/", ("10.0.0.0/8",), mixed)
    await check_webhook("https://hooks.example/", ("hooks.example",), mixed)


async def test_a_host_that_has_no_address_is_refused() -> None:
    with pytest.raises(WebhookRefused, match="not public"):
        await check_webhook("https://hooks.example/", (), knowing())


@pytest.mark.parametrize("trouble", [OSError("unknown"), TimeoutError(), UnicodeError("long")])
async def test_so_is_one_that_nobody_knows(trouble: Exception) -> None:
    async def look_up(_host: str, _port: int) -> Sequence[Address]:
        raise trouble

    with pytest.raises(WebhookRefused, match="not known"):
        await check_webhook("https://hooks.example/", (), look_up)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8080/",
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
    ],
)
async def test_no_way_to_write_loopback_leads_there(url: str) -> None:
    with pytest.raises(WebhookRefused):
        await check_webhook(url, ())
