"""Read a body and count while reading: what is too large is refused before it is all here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from starlette.requests import Request

from gateway.errors import BodyTimeout, PayloadTooLarge
from gateway.settings import BodyPatience


def _check_declared_length(request: Request, limit_bytes: int) -> None:
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit_bytes:
        raise PayloadTooLarge(f"the body has {declared} bytes; at most {limit_bytes} are accepted")


async def counted(
    request: Request, limit_bytes: int, patience: BodyPatience
) -> AsyncGenerator[bytes, None]:
    """Pass a body on piece by piece.

    Raises:
        PayloadTooLarge: it has more bytes than the limit.
        BodyTimeout: a pause in it, or the whole of it, was longer than allowed.
    """
    _check_declared_length(request, limit_bytes)
    total = 0
    async for chunk in _in_time(request.stream(), patience):
        total += len(chunk)
        if total > limit_bytes:
            raise PayloadTooLarge(f"the body has more than the accepted {limit_bytes} bytes")
        yield chunk


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


async def read_body(request: Request, limit_bytes: int, patience: BodyPatience) -> bytes:
    """Read a body as it is.

    Raises:
        PayloadTooLarge: it has more bytes than the limit.
        BodyTimeout: a pause in it, or the whole of it, was longer than allowed.
    """
    return b"".join([chunk async for chunk in counted(request, limit_bytes, patience)])
