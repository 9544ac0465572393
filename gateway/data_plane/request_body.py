"""Read a body and count while reading: what is too large is refused before it is all here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from time import perf_counter_ns
from typing import Protocol

from starlette.requests import Request

from gateway.errors import BodyTimeout, PayloadTooLarge
from gateway.request_context import record
from gateway.settings import BodyPatience


class Counter(Protocol):
    """Is told how much of a body is here; may refuse more."""

    def count(self, body_bytes: int) -> None:
        """So many bytes so far."""


def declared_bytes(request: Request) -> int | None:
    """The Content-Length, None where there is none; what is no number, the server has refused."""
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isdecimal() else None


def refuse_declared_excess(request: Request, limit_bytes: int) -> None:
    """Judge by the header alone.

    Raises:
        PayloadTooLarge: the declared length is above the limit.
    """
    declared = declared_bytes(request) or 0
    if declared > limit_bytes:
        raise PayloadTooLarge(f"the body has {declared} bytes; at most {limit_bytes} are accepted")


async def counted(
    request: Request, limit_bytes: int, patience: BodyPatience, counter: Counter | None = None
) -> AsyncGenerator[bytes, None]:
    """Pass a body on piece by piece.

    Raises:
        PayloadTooLarge: it has more bytes than the limit.
        BodyTimeout: a pause in it, or the whole of it, was longer than allowed.
        Overloaded: the counter has no room for it.
    """
    refuse_declared_excess(request, limit_bytes)
    known, began_ns, total = record.get(), perf_counter_ns(), 0
    try:
        async for chunk in _in_time(request.stream(), patience):
            total += len(chunk)
            if total > limit_bytes:
                raise PayloadTooLarge(f"the body has more than the accepted {limit_bytes} bytes")
            if counter:
                counter.count(total)
            yield chunk
    finally:
        known.body_ended(began_ns, total)


async def _in_time(
    stream: AsyncGenerator[bytes, None], patience: BodyPatience
) -> AsyncGenerator[bytes, None]:
    """Bound each pause, and the whole: a byte now and then must not hold a place for ever."""
    clock = asyncio.get_running_loop().time
    end = clock() + patience.total_seconds
    while True:
        try:
            async with asyncio.timeout_at(min(clock() + patience.silence_seconds, end)):
                chunk = await anext(stream, None)
        except TimeoutError as exc:
            raise BodyTimeout(_too_late(clock() >= end, patience)) from exc
        if chunk is None:
            return
        yield chunk


def _too_late(whole: bool, patience: BodyPatience) -> str:
    if whole:
        return f"the body was not complete after {patience.total_seconds:g} seconds"
    return f"no more of the body came for {patience.silence_seconds:g} seconds"


async def read_body(
    request: Request, limit_bytes: int, patience: BodyPatience, counter: Counter | None = None
) -> bytes:
    """Read a body as it is.

    Raises:
        PayloadTooLarge: it has more bytes than the limit.
        BodyTimeout: a pause in it, or the whole of it, was longer than allowed.
        Overloaded: the counter has no room for it.
    """
    pieces = counted(request, limit_bytes, patience, counter)
    return b"".join([piece async for piece in pieces])
