"""What goes over the wire, byte for byte."""

from __future__ import annotations

from typing import Any

import hpack
import pytest

from gateway.data_plane.grpc_calls import frames
from gateway.data_plane.grpc_calls.frames import Frame, FrameReader, ProtocolBroken


def test_frames_are_read_however_they_are_cut() -> None:
    sent = [
        Frame(frames.PING, frames.ACK, 0, b"8 bytes!"),
        Frame(frames.DATA, 0, 5, b"x" * 300),
        Frame(frames.DATA, frames.END_STREAM, 7, b""),
    ]
    raw = b"".join(frames.frame(*it) for it in sent)
    for size in (1, 8, 9, 10, 100, len(raw)):
        reader = FrameReader()
        read = [it for at in range(0, len(raw), size) for it in reader.feed(raw[at : at + size])]
        assert read == sent


def test_a_frame_of_more_than_was_allowed_is_refused_at_its_head() -> None:
    head = frames.head(frames.DATA, 0, 1, frames.FIRST_FRAME_BYTES + 1)
    with pytest.raises(ProtocolBroken, match="16385 bytes"):
        list(FrameReader().feed(head))


def test_padding_and_priority_are_no_content() -> None:
    assert frames.content(Frame(frames.DATA, 0x8, 1, b"\x02hello..")) == b"hello"
    assert (
        frames.content(Frame(frames.HEADERS, 0x28, 1, b"\x01" + b"p" * 5 + b"hello.")) == b"hello"
    )
    assert frames.content(Frame(frames.DATA, frames.END_STREAM, 1, b"hello")) == b"hello"


@pytest.mark.parametrize("payload", [b"", b"\x05abc"])
def test_more_padding_than_content_is_refused(payload: bytes) -> None:
    with pytest.raises(ProtocolBroken, match="padding"):
        frames.content(Frame(frames.DATA, 0x8, 1, payload))


def test_settings_come_back_as_they_went() -> None:
    (frame,) = FrameReader().feed(frames.settings({frames.MAX_FRAME_SIZE: 70_000, 4: 1}))
    assert frames.read_settings(frame.payload) == {frames.MAX_FRAME_SIZE: 70_000, 4: 1}
    with pytest.raises(ProtocolBroken, match="odd length"):
        frames.read_settings(b"12345")


def test_a_number_has_31_bits() -> None:
    assert frames.read_number(b"\xff\xff\xff\xffmore") == 2**31 - 1
    with pytest.raises(ProtocolBroken, match="too short"):
        frames.read_number(b"123")


@pytest.mark.parametrize("length", [0, 126, 127, 128, 254, 255, 300, 20_000])
def test_headers_are_what_a_library_reads(length: int) -> None:
    headers = {":method": "POST", "te": "trailers", "long": "v" * length}
    decoder = hpack.Decoder(max_header_list_size=100_000)
    decoder.max_allowed_table_size = 0
    decoder.header_table_size = 0
    read: Any = decoder.decode(frames.literal_headers(headers))  # its types say bytes
    assert dict(read) == headers
