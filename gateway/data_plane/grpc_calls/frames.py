"""HTTP/2 frames as a gRPC client needs them. Pure: bytes in, bytes out.

Source: RFC 9113, section 4 and 6; RFC 7541, section 6.2.2 for headers that no table remembers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

DATA: Final = 0
HEADERS: Final = 1
RST_STREAM: Final = 3
SETTINGS: Final = 4
PUSH_PROMISE: Final = 5
PING: Final = 6
GOAWAY: Final = 7
WINDOW_UPDATE: Final = 8
CONTINUATION: Final = 9

ACK: Final = 0x1  # of SETTINGS and PING
END_STREAM: Final = 0x1  # of DATA and HEADERS
END_HEADERS: Final = 0x4
_PADDED: Final = 0x8
_PRIORITY: Final = 0x20

HEADER_TABLE_SIZE: Final = 1
ENABLE_PUSH: Final = 2
MAX_CONCURRENT_STREAMS: Final = 3
INITIAL_WINDOW_SIZE: Final = 4
MAX_FRAME_SIZE: Final = 5

FIRST_WINDOW_BYTES: Final = 65_535
FIRST_FRAME_BYTES: Final = 16_384
LARGEST_FRAME_BYTES: Final = 2**24 - 1
LARGEST_WINDOW_BYTES: Final = 2**31 - 1
PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
OUR_WINDOW_BYTES: Final = 1 << 30  # of the connection: renewed when half of it is used up

_HEAD: Final = struct.Struct(">HBBBI")  # a length of 24 bits, type, flags, stream
_SETTING: Final = struct.Struct(">HI")
_NUMBER: Final = struct.Struct(">I")
_NO_RESERVED_BIT: Final = 0x7FFF_FFFF


class ProtocolBroken(Exception):
    """The other side does not speak HTTP/2 as it should."""


class Frame(NamedTuple):
    """One frame, as it came."""

    kind: int
    flags: int
    stream: int
    payload: bytes


def head(kind: int, flags: int, stream: int, length: int) -> bytes:
    """The nine bytes before a payload."""
    return _HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream)


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A whole frame."""
    return head(kind, flags, stream, len(payload)) + payload


def settings(values: Mapping[int, int]) -> bytes:
    """A SETTINGS frame."""
    payload = b"".join(_SETTING.pack(name, value) for name, value in values.items())
    return frame(SETTINGS, 0, 0, payload)


def window_update(stream: int, more_bytes: int) -> bytes:
    """A WINDOW_UPDATE frame; stream 0 is the whole connection."""
    return frame(WINDOW_UPDATE, 0, stream, _NUMBER.pack(more_bytes))


# Without a table a header block means the same whenever it comes, so that its reading can be kept.
_OUR_SETTINGS: Final = {
    HEADER_TABLE_SIZE: 0,
    ENABLE_PUSH: 0,
    INITIAL_WINDOW_SIZE: LARGEST_WINDOW_BYTES,
}
_MORE_BYTES: Final = OUR_WINDOW_BYTES - FIRST_WINDOW_BYTES
GREETING: Final = PREFACE + settings(_OUR_SETTINGS) + window_update(0, _MORE_BYTES)
"""What a client says first."""


def read_settings(payload: bytes) -> dict[int, int]:
    """The values of a SETTINGS frame.

    Raises:
        ProtocolBroken: its length fits no whole number of settings.
    """
    if len(payload) % _SETTING.size:
        raise ProtocolBroken("a SETTINGS frame of an odd length")
    return dict(_SETTING.iter_unpack(payload))


def read_number(payload: bytes) -> int:
    """The 31 bits that a WINDOW_UPDATE, a GOAWAY and a RST_STREAM begin with.

    Raises:
        ProtocolBroken: it is too short.
    """
    if len(payload) < _NUMBER.size:
        raise ProtocolBroken("a frame that is too short")
    return int(_NUMBER.unpack_from(payload)[0]) & _NO_RESERVED_BIT


def content(it: Frame) -> bytes:
    """What a DATA or HEADERS frame holds, without padding and priority.

    Raises:
        ProtocolBroken: it has more padding than content.
    """
    if not it.flags & (_PADDED | _PRIORITY):
        return it.payload
    start, stop = 0, len(it.payload)
    if it.flags & _PADDED:
        start, stop = 1, stop - it.payload[0] if it.payload else -1
    if it.kind == HEADERS and it.flags & _PRIORITY:
        start += 5
    if start > stop:
        raise ProtocolBroken("a frame with more padding than content")
    return it.payload[start:stop]


class FrameReader:
    """Cuts what comes into frames."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole by now.

        Raises:
            ProtocolBroken: a frame is longer than we allow by never having allowed more.
        """
        data = self._rest + data if self._rest else data
        position, end = 0, len(data)
        while end - position >= _HEAD.size:
            high, low, kind, flags, stream = _HEAD.unpack_from(data, position)
            length = high << 8 | low
            if length > FIRST_FRAME_BYTES:
                raise ProtocolBroken(f"a frame of {length} bytes")
            start = position + _HEAD.size
            if end - start < length:
                break
            position = start + length
            yield Frame(kind, flags, stream & _NO_RESERVED_BIT, data[start:position])
        self._rest = data[position:]


def literal_headers(headers: Mapping[str, str]) -> bytes:
    """A header block that needs no table on either side, so that blocks can be kept and reused.

    Args:
        headers: Names in lower case; pseudo-headers first.
    """
    return b"".join(
        b"\x00" + _string(name.encode()) + _string(value.encode())
        for name, value in headers.items()
    )


def _string(raw: bytes) -> bytes:
    """RFC 7541, 5.1 and 5.2: a length with a prefix of 7 bits, and no Huffman code."""
    length = len(raw)
    if length < 0x7F:
        return bytes((length,)) + raw
    length, coded = length - 0x7F, bytearray((0x7F,))
    while length >= 0x80:
        coded.append(length & 0x7F | 0x80)
        length >>= 7
    coded.append(length)
    return bytes(coded) + raw
