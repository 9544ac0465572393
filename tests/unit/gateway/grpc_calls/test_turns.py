"""What servers take at once, and of how much: calls wait for their turn and keep to the limits."""

from __future__ import annotations

import asyncio
import struct

import grpc
import pytest

from gateway.data_plane.grpc_calls import frames
from gateway.data_plane.grpc_calls.call_errors import CallError
from gateway.data_plane.grpc_calls.connection import GrpcConnection
from gateway.data_plane.grpc_calls.frames import Frame, FrameReader, frame, literal_headers
from gateway.data_plane.grpc_calls.unary_call import with_prefix
from tests.unit.gateway.grpc_calls.odd_server import asking, good

BLOCK = literal_headers({":path": "/a/B"})


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True

    def heard(self) -> list[Frame]:
        return list(FrameReader().feed(self.written.removeprefix(frames.GREETING)))


def connected(told: dict[int, int]) -> tuple[GrpcConnection, Wire]:
    """A connection to a server with these settings."""
    connection, wire = GrpcConnection(lambda _: None), Wire()
    connection.connection_made(wire)
    connection.data_received(frames.settings(told))
    return connection, wire


async def test_calls_that_wait_for_their_turn_begin_when_the_server_takes_more() -> None:
    def first_one_then_more(stream: int) -> bytes:
        if stream == 1:
            return frames.settings({frames.MAX_CONCURRENT_STREAMS: 2})
        return good(1) + good(stream)

    async with asking(first_one_then_more) as (odd, channel):
        odd.greeting = frames.settings({frames.MAX_CONCURRENT_STREAMS: 1})
        answers = await asyncio.gather(*(channel.call("/a/B", b"") for _ in range(2)))
        assert answers == [b"hi", b"hi"]


async def test_a_call_that_never_gets_its_turn_is_given_up_too() -> None:
    async with asking(lambda _: b"", hung_seconds=0.2) as (odd, channel):
        odd.greeting = frames.settings({frames.MAX_CONCURRENT_STREAMS: 0})
        with pytest.raises(CallError) as caught:
            await channel.call("/a/B", b"")
        assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_call_that_waits_for_its_turn_is_not_made_when_nobody_wants_it_any_more() -> None:
    connection, wire = connected({frames.MAX_CONCURRENT_STREAMS: 1})
    calls = [connection.call(BLOCK, with_prefix(it)) for it in (b"first", b"unwanted", b"wanted")]
    calls[1].cancel()

    connection.data_received(good(1) + good(3))

    assert [await calls[0], await calls[2]] == [b"hi", b"hi"]
    sent = [it.payload for it in wire.heard() if it.kind == frames.DATA]
    assert sent == [with_prefix(b"first"), with_prefix(b"wanted")]


async def test_who_retires_answers_what_is_asked_and_refuses_what_waits() -> None:
    connection, wire = connected({frames.MAX_CONCURRENT_STREAMS: 1})
    asked, waiting = (connection.call(BLOCK, with_prefix(b"")) for _ in range(2))

    connection.retire()

    with pytest.raises(CallError) as caught:
        await waiting
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE
    assert not wire.is_closed
    connection.data_received(good(1))
    assert await asked == b"hi"
    assert wire.is_closed


async def test_who_is_answered_before_all_was_sent_ends_the_stream() -> None:
    async with asking(good) as (odd, channel):
        odd.rooms, odd.answers_to = [1000], frames.HEADERS
        assert await channel.call("/a/B", b"m" * 200_000) == b"hi"
        odd.answers_to = frames.DATA
        assert await channel.call("/a/B", b"") == b"hi"
        assert Frame(frames.RST_STREAM, 0, 1, bytes(4)) in odd.heard


async def test_no_frame_is_longer_than_http_2_allows_whatever_the_server_says() -> None:
    endless = 2**31 - 1
    connection, wire = connected(
        {frames.MAX_FRAME_SIZE: endless, frames.INITIAL_WINDOW_SIZE: endless}
    )
    connection.data_received(frames.window_update(0, 2**30))
    before = len(wire.written)

    connection.call(BLOCK, bytes(2**24 + 100)).cancel()

    written = wire.written[before:]
    head_bytes = 9
    data = written[head_bytes + len(BLOCK) :]
    (length,) = struct.unpack(">I", b"\0" + data[:3])
    assert length == frames.LARGEST_FRAME_BYTES == 2**24 - 1


def sent_bytes(wire: Wire) -> int:
    return sum(len(it.payload) for it in wire.heard() if it.kind == frames.DATA)


async def test_calls_on_their_way_have_as_much_room_as_the_server_says_meanwhile() -> None:
    connection, wire = connected({frames.INITIAL_WINDOW_SIZE: 100})
    connection.call(BLOCK, bytes(1000)).cancel()
    assert sent_bytes(wire) == 100

    connection.data_received(frames.settings({frames.INITIAL_WINDOW_SIZE: 300}))

    assert sent_bytes(wire) == 300


async def test_the_room_that_answers_have_used_up_is_given_back() -> None:
    connection, wire = connected({})
    answer = frame(frames.DATA, 0, 1, bytes(frames.FIRST_FRAME_BYTES))
    needed = frames.OUR_WINDOW_BYTES // 2 // frames.FIRST_FRAME_BYTES

    for _ in range(needed // 64):
        connection.data_received(answer * 64)
    assert frames.WINDOW_UPDATE not in {it.kind for it in wire.heard()}
    connection.data_received(answer)

    (update,) = (it for it in wire.heard() if it.kind == frames.WINDOW_UPDATE)
    assert update.stream == 0
    assert frames.read_number(update.payload) == (needed + 1) * frames.FIRST_FRAME_BYTES


async def test_a_server_that_has_said_nothing_all_the_while_is_given_up_with_its_call() -> None:
    connection, wire = connected({})
    call = connection.call(BLOCK, with_prefix(b""))

    connection.end_hung_calls(seconds=-1)

    assert wire.is_closed
    with pytest.raises(CallError):
        await call


async def test_a_call_that_hangs_on_a_server_that_goes_away_is_given_up_too() -> None:
    def leaves(stream: int) -> bytes:
        return frame(frames.GOAWAY, 0, 0, stream.to_bytes(4, "big") + bytes(4))

    async with asking(leaves, hung_seconds=0.2) as (_, channel):
        with pytest.raises(CallError) as caught:
            await channel.call("/a/B", b"")
        assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
