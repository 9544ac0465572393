"""One keep-alive connection of the load generator, as a client library keeps it."""

from __future__ import annotations

import asyncio
from typing import Final

_END_OF_HEADERS: Final = b"\r\n\r\n"


class NoAnswer(Exception):
    """The connection ended, or was refused, without a whole answer."""


class Connection:
    """Reconnects when the server has closed the connection *between* two requests: that is HTTP.

    A request that was sent is never sent again: without an answer it has failed.
    """

    def __init__(self, host: str, port: int) -> None:
        self._where = (host, port)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request and wait for the whole answer: status and body.

        Raises:
            NoAnswer: there is none.
        """
        try:
            reader = await self._open()
            assert self._writer is not None
            self._writer.write(request)
            return await self._read(reader)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as exc:
            self.close()
            raise NoAnswer(f"{type(exc).__name__}: {exc}") from exc

    def close(self) -> None:
        """Forget the connection."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _open(self) -> asyncio.StreamReader:
        if self._reader is not None and (self._reader.at_eof() or self._reader.exception()):
            self.close()
        if self._reader is None:
            self._reader, self._writer = await asyncio.open_connection(*self._where)
        return self._reader

    async def _read(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        head = (await reader.readuntil(_END_OF_HEADERS)).lower()
        length = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        body = await reader.readexactly(int(length or 0))
        if b"\r\nconnection: close" in head:
            self.close()
        return int(head[9:12]), body
