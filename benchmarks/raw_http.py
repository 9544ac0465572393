"""A keep-alive HTTP connection as cheap as asyncio allows.

The generator shares two cores with what it measures. An ordinary client costs more CPU per request
than the gateway does, and would be most of what a throughput figure shows.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

_END_OF_HEADERS: Final = b"\r\n\r\n"


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int
    body: bytes
    keeps_alive: bool
    """Whether the connection may be used again."""


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """The bytes of one POST, made once and sent often."""
    lines = [f"POST {path} HTTP/1.1", "Host: gateway", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + _END_OF_HEADERS + body


class RawConnection:
    """One connection, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, host: str, port: int) -> RawConnection:
        """Connect."""
        return cls(*await asyncio.open_connection(host, port))

    async def ask(self, request: bytes) -> Reply:
        """Send a request made by `post` and wait for the whole answer.

        Raises:
            OSError: the connection ended.
            asyncio.IncompleteReadError: it ended within the answer.
        """
        self._writer.write(request)
        head = await self._reader.readuntil(_END_OF_HEADERS)
        head = head.lower()
        length = int(head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
        body = await self._reader.readexactly(length)
        return Reply(int(head[9:12]), body, b"\r\nconnection: close" not in head)

    def close(self) -> None:
        """End the connection."""
        self._writer.close()
