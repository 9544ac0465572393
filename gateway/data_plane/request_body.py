"""Read a body and count while reading: what is too large is refused before it is all here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from time import perf_counter_ns
from typing import Protocol

from starlette.requests import Request

from gateway.errors import BodyTimeout, PayloadTooLarge
from gateway.request_context import record


class Counter(Protocol):
    """Is told how much of a body is here; may refuse more."""

    def count(self, body_bytes: int) -> None:
        """So many bytes so far."""


def declared_bytes(request: Request) -> int:
    """The Content-Length, 0 where there is none; what is no number, the server has refused."""
    declared = request.headers.get("content-length", "0")
    return int(declared) if declared.isdecimal() else 0


async def counted(
    request: Request, limit_bytes: int, silence_seconds: float, counter: Counter | None = None
) -> AsyncGenerator[bytes, None]:
    """Pass a body on piece by piece.

    Raises:
        PayloadTooLarge: it has more bytes than the limit.
        BodyTimeout: a pause in it was longer than the silence allowed.
        Overloaded: the counter has no room for it.
    """
    refuse_declared_excess(request, limit_bytes)
    known, began_ns, total = record.get(), perf_counter_ns(), 0
    try:
        async for chunk in _never_silent(request.stream(), silence_seconds):
            total += len(chunk)
            if total > limit_bytes:
                raise PayloadTooLarge(f"the body has more than the accepted {limit_bytes} bytes")
            if counter:
                counter.count(total)
            yield chunk
    finally:
        known.body_ended(began_ns, total)


def refuse_declared_excess(request: Request, limit_bytes: int) -> None:
    """Judge by the header alone.

    Raises:
        PayloadTooLarge: the declared length is above the limit.
    """
    declared = declared_bytes(request)
    if declared > limit_bytes:
        raise PayloadTooLarge(f"the body has {declared} bytes; at most {limit_bytes} are accepted")


async def _never_silent(
    stream: AsyncGenerator[bytes, None], silence_seconds: float
) -> AsyncGenerator[bytes, None]:
    while True:
        try:
            async with asyncio.timeout(silence_seconds):
                chunk = await anext(stream, None)
        except TimeoutError as exc:
            raise BodyTimeout(f"no more of the body came for {silence_seconds:g} seconds") from exc
        if chunk is None:
            return
        yield chunk


async def read_body(
    request: Request, limit_bytes: int, silence_seconds: float, counter: Counter | None = None
) -> bytes:
    """Read a body as it is.

    Raises:
        PayloadTooLarge: it has more bytes than the limit.
        BodyTimeout: a pause in it was longer than the silence allowed.
        Overloaded: the counter has no room for it.
    """
    pieces = counted(request, limit_bytes, silence_seconds, counter)
    return b"".join([piece async for piece in pieces])
