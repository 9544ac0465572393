"""Calls a webhook: only at an address that was checked a moment ago, and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

import httpx

from gateway.jobs.job_errors import WebhookRefused
from gateway.jobs.webhooks.public_address import AllowedPlaces
from gateway.jobs.webhooks.webhook_url import Resolve, addresses_of, parse_webhook, resolve

_SECONDS: Final = 10.0
_MOST_BYTES: Final = 1024
_SHOWN_CHARACTERS: Final = 200


class WebhookTrouble(Exception):
    """It was not heard; the message says why."""


class WebhookCaller:
    """Posts, and takes any 2xx for a yes.

    Args:
        allowed: GATEWAY_WEBHOOKS_ALLOWED.
        look_up: Finds a host's addresses.
        transport: What carries the call, where a test watches.
    """

    def __init__(
        self,
        allowed: Iterable[str],
        look_up: Resolve = resolve,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._allowed = AllowedPlaces.of(allowed)
        self._look_up = look_up
        self._client = httpx.AsyncClient(
            # A connection belongs to an address here: kept, one host's could carry another's call.
            transport=transport
            or httpx.AsyncHTTPTransport(limits=httpx.Limits(max_keepalive_connections=0)),
            follow_redirects=False,
            timeout=_SECONDS,
            trust_env=False,  # a proxy would look the host up again, and go where that leads
        )

    async def call(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        """Post a body of JSON once.

        Raises:
            WebhookTrouble: nobody took it within ten seconds.
        """
        try:
            async with asyncio.timeout(_SECONDS):
                await self._call(url, headers, body)
        except WebhookRefused as exc:
            raise WebhookTrouble(str(exc)) from exc
        except TimeoutError as exc:
            raise WebhookTrouble(f"there was no answer within {_SECONDS:g} seconds") from exc
        # An answer that makes no sense can fail in h11 or the content codings, below httpx's names.
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as exc:
            raise WebhookTrouble(f"{type(exc).__name__}: {exc}"[:_SHOWN_CHARACTERS]) from exc

    async def _call(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        parsed = parse_webhook(url)
        addresses = await addresses_of(parsed, self._allowed, self._look_up)
        # The first only: a host with several that are down gets its next attempt soon enough.
        request = self._client.build_request(
            "POST",
            parsed.copy_with(host=addresses[0], fragment=None),
            content=body,
            headers={
                **headers,
                "host": parsed.netloc.decode(),
                "content-type": "application/json",
                "accept-encoding": "identity",
                "user-agent": "Triptych-Webhooks/1",
            },
            # The certificate has to be the host's, although its address is what is called.
            extensions={"sni_hostname": parsed.raw_host.decode()},
        )
        answer = await self._client.send(request, stream=True)
        try:
            if not answer.is_success:
                said = await _beginning(answer)
                raise WebhookTrouble(f"it answered {answer.status_code}{said}")
        finally:
            await answer.aclose()

    async def close(self) -> None:
        """Close what is open."""
        await self._client.aclose()


async def _beginning(answer: httpx.Response) -> str:
    """What its owner may want to read of an answer, as one line of plain characters."""
    read = await anext(answer.aiter_raw(_MOST_BYTES), b"")
    text = " ".join(read.decode("ascii", "replace").split())[:_SHOWN_CHARACTERS]
    plain = "".join(letter if letter.isprintable() else "?" for letter in text)
    return f": {plain}" if plain else ""
