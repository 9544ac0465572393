"""The address of a webhook, and where it leads. Checked when it is given and at each call."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import httpx

from gateway.jobs.job_errors import WebhookRefused
from gateway.jobs.webhooks.public_address import Address, AllowedPlaces

MOST_CHARACTERS: Final = 2048
_SCHEMES: Final = frozenset({"http", "https"})
_USUAL_PORTS: Final = {"http": 80, "https": 443}
_LAST_PORT: Final = 65535
_RESOLVE_SECONDS: Final = 5.0

# Threads of their own: a name server that never answers keeps one for half a minute, whoever has
# stopped waiting, and nobody's predictions and no connection to a database should wait with it.
_ASKING: Final = ThreadPoolExecutor(4, thread_name_prefix="webhook-host")

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]


async def resolve(host: str, port: int) -> Sequence[Address]:
    """Every address of a host, as this machine would choose among them.

    Raises:
        OSError: nobody knows it.
    """
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_ASKING, ask)
    return [ipaddress.ip_address(told[4][0]) for told in found]


async def check_webhook(url: str, allowed: Iterable[str], look_up: Resolve = resolve) -> None:
    """See that a webhook may be called.

    Args:
        url: As a caller gave it.
        allowed: GATEWAY_WEBHOOKS_ALLOWED.
        look_up: Finds a host's addresses.

    Raises:
        WebhookRefused: it is no such URL, or leads to where a stranger could not go.
    """
    await addresses_of(parse_webhook(url), AllowedPlaces.of(allowed), look_up)


def parse_webhook(url: str) -> httpx.URL:
    """Read it, with the same eyes as whoever calls it later.

    Raises:
        WebhookRefused: it is no URL of a web server, or carries a password.
    """
    if len(url) > MOST_CHARACTERS:
        raise WebhookRefused(f"the webhook's URL has more than {MOST_CHARACTERS} characters")
    try:
        parsed = httpx.URL(url)
        host = parsed.host
    # httpx raises what idna raises, which are ValueErrors, where a name cannot be one.
    except (httpx.InvalidURL, ValueError) as exc:
        raise WebhookRefused("the webhook is no URL that can be read") from exc
    if parsed.scheme not in _SCHEMES or not host:
        raise WebhookRefused("a webhook begins with https://HOST, or http://HOST")
    if parsed.port is not None and not 0 < parsed.port <= _LAST_PORT:
        raise WebhookRefused(f"the webhook's port is none between 1 and {_LAST_PORT}")
    if parsed.userinfo:
        raise WebhookRefused("a webhook's URL may carry no user name and no password")
    return parsed


async def addresses_of(url: httpx.URL, allowed: AllowedPlaces, look_up: Resolve) -> list[str]:
    """Where a webhook leads now; one address out of bounds, and it leads nowhere.

    Raises:
        WebhookRefused: its host is not known, or may not be called.
    """
    host = url.raw_host.decode()
    # One sentence for both, so that nobody learns the names of our own network by asking.
    refused = WebhookRefused(
        f"the webhook's host {host[:100]!r} is not known here, or not public and not among"
        " GATEWAY_WEBHOOKS_ALLOWED"
    )
    try:
        async with asyncio.timeout(_RESOLVE_SECONDS):
            found = await look_up(host, url.port or _USUAL_PORTS[url.scheme])
    # Names with empty or long parts fail in Python's own IDNA before anybody is asked.
    except (OSError, UnicodeError) as exc:
        raise refused from exc
    if not found or not all(allowed.permits(host, address) for address in found):
        raise refused
    return [str(address) for address in found]
