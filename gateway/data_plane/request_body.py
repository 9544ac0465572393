"""Read a body and count while reading: what is too large is refused before it is all here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from time import perf_counter_ns
from typing import Final, Protocol

from starlette.requests import ClientDisconnect, Request

from gateway.errors import BodyTimeout, PayloadTooLarge
from gateway.request_context import record
from gateway.settings import BodyPatience

# Parsed JSON may take twenty times its own length in memory, and nothing else runs meanwhile: a
# picture of that size as base64 holds the event loop for 31 ms, hostile texts hold it for 105 ms.
# A bigger picture goes as its bytes, which costs a tenth.
MAX_JSON_BYTES: Final = 8 * 1024 * 1024


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
        ClientDisconnect: its end never came.
    """
    arriving = _Arriving(request, limit_bytes, patience, counter)
    try:
        while arriving.goes_on:
            async with arriving.pause():
                piece = await arriving.next()
            yield piece
    finally:
        arriving.note()


async def read_body(
    request: Request, limit_bytes: int, patience: BodyPatience, counter: Counter | None = None
) -> bytes:
    """Read a body as it is.

    Raises:
        PayloadTooLarge: it has more bytes than the limit.
        BodyTimeout: a pause in it, or the whole of it, was longer than allowed.
        Overloaded: the counter has no room for it.
        ClientDisconnect: its end never came.
    """
    arriving = _Arriving(request, limit_bytes, patience, counter)
    pieces = []
    try:
        async with arriving.pause() as pause:
            while arriving.goes_on:
                pieces.append(await arriving.next())
                pause.reschedule(arriving.latest())
    finally:
        arriving.note()
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class _Arriving:
    """One body on its way: its pieces, its size, and how long it may take."""

    def __init__(
        self, request: Request, limit_bytes: int, patience: BodyPatience, counter: Counter | None
    ) -> None:
        refuse_declared_excess(request, limit_bytes)
        self.goes_on = True
        self._receive = request.receive
        self._limit_bytes = limit_bytes
        self._patience = patience
        self._counter = counter
        self._total = 0
        self._began_ns = perf_counter_ns()
        self._clock = asyncio.get_running_loop().time
        self._end = self._clock() + patience.total_seconds

    async def next(self) -> bytes:
        """The next piece; the last one may be empty."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece: bytes = message.get("body", b"")
        self.goes_on = message.get("more_body", False)
        self._total += len(piece)
        if self._total > self._limit_bytes:
            raise PayloadTooLarge(f"the body has more than the accepted {self._limit_bytes} bytes")
        if self._counter:
            self._counter.count(self._total)
        return piece

    def latest(self) -> float:
        """When the next piece must be here, of the event loop's clock."""
        return min(self._clock() + self._patience.silence_seconds, self._end)

    @asynccontextmanager
    async def pause(self) -> AsyncGenerator[asyncio.Timeout, None]:
        """Bound each pause, and the whole: a byte now and then must not hold a place for ever."""
        try:
            async with asyncio.timeout_at(self.latest()) as timeout:
                yield timeout
        except TimeoutError as exc:
            raise BodyTimeout(self._too_late()) from exc

    def _too_late(self) -> str:
        if self._clock() >= self._end:
            return f"the body was not complete after {self._patience.total_seconds:g} seconds"
        return f"no more of the body came for {self._patience.silence_seconds:g} seconds"

    def note(self) -> None:
        """Tell the record how long it took and how large it was."""
        record.get().body_ended(self._began_ns, self._total)
