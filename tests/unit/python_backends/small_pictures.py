"""Pictures that are small enough to send hundreds of, and the same nowhere twice."""

from __future__ import annotations

import zlib
from struct import pack

import numpy as np
from numpy.typing import NDArray
from PIL import Image

HEIGHT, WIDTH = 24, 40


def small_picture() -> Image.Image:
    """A smooth RGB picture, 24 high and 40 wide, that differs from all its turned selves."""
    row, column = np.mgrid[0:HEIGHT, 0:WIDTH]
    red, green, blue = column * 6, row * 10, (row + column) * 4
    return Image.fromarray(np.stack([red, green, blue], axis=-1).astype(np.uint8))


def exif_with_orientation(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def png(header: bytes, pixels: bytes, *more: tuple[bytes, bytes]) -> bytes:
    """A PNG from its IHDR and its raw rows, with further chunks between them."""
    chunks = [(b"IHDR", header), *more, (b"IDAT", zlib.compress(pixels)), (b"IEND", b"")]
    body = b"".join(
        pack(">I", len(content)) + kind + content + pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def png_header(width: int, height: int, *, bits: int, colour: int) -> bytes:
    return pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)


def largest_difference(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> int:
    assert left.shape == right.shape
    return int(np.abs(left.astype(int) - right.astype(int)).max())
