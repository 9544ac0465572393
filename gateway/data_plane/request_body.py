"""Read a body and count while reading: what is too large is refused before it is all here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from starlette.requests import Request

from gateway.errors import BodyTimeout, PayloadTooLarge


def declared_bytes(request: Request) -> int | None:
    """How long the body is by its Content-Length; None where only its end will tell."""
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isdecimal() else None


def _check_declared_length(request: Request, limit_bytes: int) -> None:
    declared = declared_bytes(request)
    if declared is not None and declared > limit_bytes:
        raise PayloadTooLarge(f"the body has {declared} bytes; at most {limit_bytes} are accepted")


async def counted(
    request: Request, limit_bytes: int, silence_seconds: float
) -> AsyncGenerator[bytes, None]:
    """Pass a body on piece by piece.

    Raises:
        PayloadTooLarge: it has more bytes than the limit.
        BodyTimeout: a pause in it was longer than the silence allowed.
    """
    _check_declared_length(request, limit_bytes)
    total = 0
    async for chunk in _never_silent(request.stream(), silence_seconds):
        total += len(chunk)
        if total > limit_bytes:
            raise PayloadTooLarge(f"the body has more than the accepted {limit_bytes} bytes")
        yield chunk


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


async def read_body(request: Request, limit_bytes: int, silence_seconds: float) -> bytes:
    """Read a body as it is.

    Raises:
        PayloadTooLarge: it has more bytes than the limit.
        BodyTimeout: a pause in it was longer than the silence allowed.
    """
    return b"".join([chunk async for chunk in counted(request, limit_bytes, silence_seconds)])
