"""A server that says what a test has written for it, frame by frame."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from gateway.data_plane.grpc_calls import frames
from gateway.data_plane.grpc_calls.channel import GrpcChannel
from gateway.data_plane.grpc_calls.frames import Frame, FrameReader, frame, literal_headers

GREETING = frames.settings({})
OK_TRAILERS = literal_headers({"grpc-status": "0"})
MESSAGE = b"\x00\x00\x00\x00\x02hi"

# Of the number of the stream that asks -> what is said.
Script = Callable[[int], bytes]


def headers(stream: int, block: bytes, *, last: bool) -> bytes:
    flags = frames.END_HEADERS | (frames.END_STREAM if last else 0)
    return frame(frames.HEADERS, flags, stream, block)


def good(stream: int) -> bytes:
    """An answer as it should be."""
    opening = headers(stream, literal_headers({":status": "200"}), last=False)
    data = frame(frames.DATA, 0, stream, MESSAGE)
    return opening + data + headers(stream, OK_TRAILERS, last=True)


class OddServer:
    """Says its script to each whole request, and remembers what it was told."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.greeting = GREETING
        self.answers_to = frames.DATA
        """Which frame makes it say its script: the one that ends a request, or its first."""
        self.heard: list[Frame] = []
        self.connections = 0
        self._allowed = frames.FIRST_WINDOW_BYTES
        self.rooms: list[int] = []
        """What the client may send more, once it has used up what it may."""
        self.at_work: set[asyncio.Task[None] | None] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.at_work.add(asyncio.current_task())
        self.connections += 1
        with suppress(ConnectionError):  # the client may have enough of it
            await self._say(reader, writer)
        writer.close()

    def _received(self) -> int:
        return sum(len(it.payload) for it in self.heard if it.kind == frames.DATA)

    def _allow(self, more: int, stream: int, writer: asyncio.StreamWriter) -> None:
        self._allowed += more
        for place in (0, stream):
            writer.write(frames.window_update(place, more))

    async def _say(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(frames.PREFACE))
        writer.write(self.greeting)
        cut = FrameReader()
        while data := await reader.read(65_536):
            for it in cut.feed(data):
                self.heard.append(it)
                if self.rooms and self._received() == self._allowed:
                    self._allow(self.rooms.pop(0), it.stream, writer)
                is_whole = it.kind == frames.DATA and it.flags & frames.END_STREAM
                if it.kind == self.answers_to and (is_whole or it.kind == frames.HEADERS):
                    writer.write(self.script(it.stream))


@asynccontextmanager
async def asking(
    script: Script, *, hung_seconds: float = 60
) -> AsyncIterator[tuple[OddServer, GrpcChannel]]:
    odd = OddServer(script)
    server = await asyncio.start_server(odd.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    channel = GrpcChannel(f"{host}:{port}", hung_seconds=hung_seconds)
    async with server:
        yield odd, channel
        await channel.close(grace_seconds=0)
        await asyncio.gather(*(it for it in odd.at_work if it))
