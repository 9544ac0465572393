"""Servers that real libraries are not: what they say is scripted, frame by frame."""

from __future__ import annotations

import grpc
import pytest

from gateway.data_plane.grpc_calls import frames
from gateway.data_plane.grpc_calls.call_errors import CallError
from gateway.data_plane.grpc_calls.frames import Frame, frame, literal_headers
from tests.unit.gateway.grpc_calls.odd_server import (
    MESSAGE,
    OK_TRAILERS,
    Script,
    asking,
    good,
    headers,
)


async def test_a_good_answer_is_taken_and_frames_that_nobody_knows_are_ignored() -> None:
    async with asking(lambda it: frame(0xEE, 0xFF, it, b"?") + good(it)) as (_, channel):
        assert await channel.call("/a/B", b"") == b"hi"


BROKEN: dict[str, tuple[Script, grpc.StatusCode]] = {
    "reset, refused": (
        lambda it: frame(frames.RST_STREAM, 0, it, (7).to_bytes(4, "big")),
        grpc.StatusCode.UNAVAILABLE,
    ),
    "reset, cancelled": (
        lambda it: frame(frames.RST_STREAM, 0, it, (8).to_bytes(4, "big")),
        grpc.StatusCode.CANCELLED,
    ),
    "reset, protocol error": (
        lambda it: frame(frames.RST_STREAM, 0, it, (1).to_bytes(4, "big")),
        grpc.StatusCode.INTERNAL,
    ),
    "an answer of a proxy": (
        lambda it: headers(it, literal_headers({":status": "503"}), last=True),
        grpc.StatusCode.UNAVAILABLE,
    ),
    "an answer of somebody else": (
        lambda it: headers(it, literal_headers({":status": "200"}), last=True),
        grpc.StatusCode.UNKNOWN,
    ),
    "a status that nobody knows": (
        lambda it: headers(it, literal_headers({"grpc-status": "99"}), last=True),
        grpc.StatusCode.UNKNOWN,
    ),
    "a status that is no number": (
        lambda it: headers(it, literal_headers({"grpc-status": "fine"}), last=True),
        grpc.StatusCode.UNKNOWN,
    ),
    "no status": (
        lambda it: frame(frames.DATA, frames.END_STREAM, it, MESSAGE),
        grpc.StatusCode.INTERNAL,
    ),
    "no message": (
        lambda it: headers(it, OK_TRAILERS, last=True),
        grpc.StatusCode.INTERNAL,
    ),
    "half a message": (
        lambda it: frame(frames.DATA, 0, it, MESSAGE[:-1]) + headers(it, OK_TRAILERS, last=True),
        grpc.StatusCode.INTERNAL,
    ),
    "a compressed message": (
        lambda it: (
            frame(frames.DATA, 0, it, b"\x01" + MESSAGE[1:]) + headers(it, OK_TRAILERS, last=True)
        ),
        grpc.StatusCode.INTERNAL,
    ),
    "a frame without end": (
        lambda it: frames.head(frames.DATA, 0, it, 1 << 20),
        grpc.StatusCode.INTERNAL,
    ),
    "an answer of a proxy with a page": (
        lambda it: (
            headers(it, literal_headers({":status": "502"}), last=False)
            + frame(frames.DATA, frames.END_STREAM, it, b"<html>")
        ),
        grpc.StatusCode.UNAVAILABLE,
    ),
    "headers that something comes between": (
        lambda it: frame(frames.HEADERS, 0, it, OK_TRAILERS) + frame(frames.PING, 0, 0, bytes(8)),
        grpc.StatusCode.INTERNAL,
    ),
    "headers that go on elsewhere": (
        lambda it: (
            frame(frames.HEADERS, 0, it, OK_TRAILERS)
            + frame(frames.CONTINUATION, frames.END_HEADERS, it + 2)
        ),
        grpc.StatusCode.INTERNAL,
    ),
    "headers that begin in their middle": (
        lambda it: frame(frames.CONTINUATION, frames.END_HEADERS, it, OK_TRAILERS),
        grpc.StatusCode.INTERNAL,
    ),
    "headers without end": (
        lambda it: (
            frame(frames.HEADERS, 0, it, b"") + frame(frames.CONTINUATION, 0, it, bytes(16_384)) * 5
        ),
        grpc.StatusCode.INTERNAL,
    ),
    "headers that are none": (
        lambda it: headers(it, b"\xff\xff\xff\xff\xff", last=True),
        grpc.StatusCode.INTERNAL,
    ),
    "headers out of a table that we do not keep": (
        lambda it: headers(it, b"\xfe", last=True),
        grpc.StatusCode.INTERNAL,
    ),
    "an answer to nothing": (
        lambda it: frame(frames.PUSH_PROMISE, frames.END_HEADERS, it, b"\0\0\0\x02"),
        grpc.StatusCode.INTERNAL,
    ),
}


@pytest.mark.parametrize("what", BROKEN)
async def test_an_odd_answer_fails_its_call_with_the_code_that_fits_and_the_next_is_answered(
    what: str,
) -> None:
    script, code = BROKEN[what]
    async with asking(script) as (odd, channel):
        with pytest.raises(CallError) as caught:
            await channel.call("/a/B", b"")
        assert caught.value.code is code
        odd.script = good
        assert await channel.call("/a/B", b"") == b"hi"


async def test_who_goes_away_still_answers_what_it_has_and_gets_nothing_new() -> None:
    def leaving(stream: int) -> bytes:
        return frame(frames.GOAWAY, 0, 0, stream.to_bytes(4, "big") + bytes(4)) + good(stream)

    async with asking(leaving) as (odd, channel):
        assert await channel.call("/a/B", b"") == b"hi"
        assert await channel.call("/a/B", b"") == b"hi"
        assert odd.connections == 2


async def test_what_a_leaving_server_has_not_looked_at_is_unavailable() -> None:
    async with asking(lambda _: frame(frames.GOAWAY, 0, 0, bytes(8))) as (odd, channel):
        with pytest.raises(CallError) as caught:
            await channel.call("/a/B", b"")
        assert caught.value.code is grpc.StatusCode.UNAVAILABLE
        odd.script = good
        assert await channel.call("/a/B", b"") == b"hi"


async def test_a_ping_comes_back_with_what_it_brought() -> None:
    ping = frame(frames.PING, 0, 0, b"12345678")
    async with asking(lambda it: ping + good(it)) as (odd, channel):
        await channel.call("/a/B", b"")
        await channel.call("/a/B", b"")
        assert Frame(frames.PING, frames.ACK, 0, b"12345678") in odd.heard


async def test_a_message_waits_for_room_and_goes_on_when_there_is_some() -> None:
    message = b"m" * 200_000
    async with asking(good) as (odd, channel):
        odd.rooms = [50_000, 80_000, 5000]
        assert await channel.call("/a/B", message) == b"hi"
        sent = [it for it in odd.heard if it.kind == frames.DATA]
        assert b"".join(it.payload for it in sent)[5:] == message
        assert max(len(it.payload) for it in sent) == frames.FIRST_FRAME_BYTES


async def test_headers_may_go_over_several_frames() -> None:
    def pieces(stream: int) -> bytes:
        opening = headers(stream, literal_headers({":status": "200"}), last=False)
        begun = frame(frames.HEADERS, frames.END_STREAM, stream, OK_TRAILERS[:3])
        more = frame(frames.CONTINUATION, 0, stream, OK_TRAILERS[3:5])
        end = frame(frames.CONTINUATION, frames.END_HEADERS, stream, OK_TRAILERS[5:])
        return opening + frame(frames.DATA, 0, stream, MESSAGE) + begun + more + end

    async with asking(pieces) as (_, channel):
        assert await channel.call("/a/B", b"") == b"hi"
