"""A webhook is called at the address that was checked, and what comes back is not believed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.jobs.webhooks.caller import WebhookCaller, WebhookTrouble
from tests.unit.gateway.jobs.webhooks.conftest import URL, Outside


async def test_the_call_goes_to_the_checked_address_and_names_the_host(
    caller: WebhookCaller, outside: Outside
) -> None:
    await caller.call(URL + "#part", {"webhook-id": "1"}, b"{}")

    (request,) = outside.heard
    assert str(request.url) == "https://93.184.216.34/ended?to=me"
    assert request.method == "POST"
    assert request.content == b"{}"
    assert request.headers["host"] == "hooks.example"
    assert request.headers["webhook-id"] == "1"
    assert request.headers["content-type"] == "application/json"
    assert request.extensions["sni_hostname"] == "hooks.example"


async def test_a_port_and_an_address_of_six_groups_are_kept(
    caller: WebhookCaller, outside: Outside
) -> None:
    outside.addresses = ["2606:2800:220:1::1", "93.184.216.34"]

    await caller.call("http://hooks.example:8080/a", {}, b"{}")

    (request,) = outside.heard
    assert str(request.url) == "http://[2606:2800:220:1::1]:8080/a"
    assert request.headers["host"] == "hooks.example:8080"


async def test_a_host_that_has_moved_inside_since_it_was_checked_is_not_called(
    caller: WebhookCaller, outside: Outside
) -> None:
    outside.addresses = ["93.184.216.34", "169.254.169.254"]

    with pytest.raises(WebhookTrouble, match="not public"):
        await caller.call(URL, {}, b"{}")

    assert outside.heard == []


@pytest.mark.parametrize("status", [199, 301, 307, 400, 404, 410, 500, 503])
async def test_only_a_status_of_success_is_a_yes_and_no_redirect_is_followed(
    caller: WebhookCaller, outside: Outside, status: int
) -> None:
    outside.status = status

    with pytest.raises(WebhookTrouble, match=f"^it answered {status}$"):
        await caller.call(URL, {}, b"{}")

    assert len(outside.heard) == 1


async def test_what_a_server_says_is_shown_in_one_short_line_of_plain_characters(
    caller: WebhookCaller, outside: Outside
) -> None:
    outside.status, outside.body = 400, b"no\n\x1b[31m such \xff thing " + b"x" * 1_000_000

    with pytest.raises(WebhookTrouble) as caught:
        await caller.call(URL, {}, b"{}")

    assert str(caught.value).startswith("it answered 400: no ?[31m such ")
    assert len(str(caught.value)) < 250
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "trouble", [httpx.ConnectError("refused"), OSError("away"), ValueError("odd")]
)
async def test_whatever_goes_wrong_on_the_way_is_told_in_words(
    caller: WebhookCaller, outside: Outside, trouble: Exception
) -> None:
    outside.trouble = trouble

    with pytest.raises(WebhookTrouble, match=type(trouble).__name__):
        await caller.call(URL, {}, b"{}")


async def test_a_server_that_never_ends_its_answer_is_left(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            await asyncio.Event().wait()
            yield b""

    monkeypatch.setattr("gateway.jobs.webhooks.caller._SECONDS", 0.01)
    transport = httpx.MockTransport(lambda _: httpx.Response(500, stream=Endless()))
    caller = WebhookCaller((), outside.look_up, transport)

    with pytest.raises(WebhookTrouble, match="no answer"):
        await caller.call(URL, {}, b"{}")
    await caller.close()


async def test_an_endless_answer_that_says_yes_is_not_read(outside: Outside) -> None:
    class Unread(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            pytest.fail("nobody asked for it")
            yield b""

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Unread()))
    caller = WebhookCaller((), outside.look_up, transport)

    await caller.call(URL, {}, b"{}")
    await caller.close()
