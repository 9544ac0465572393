"""Pictures that tests send: one real sample in many encodings, and broken ones."""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from struct import pack
from typing import Any

import numpy as np
from PIL import Image

PROJECT = Path(__file__).resolve().parents[1]
SAMPLES = PROJECT / "examples" / "digits" / "samples"
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def sample_files() -> list[Path]:
    return sorted(file for file in SAMPLES.iterdir() if file.suffix in {".jpg", ".png", ".webp"})


def true_digit(file: Path) -> str:
    """A sample's name begins with its digit in English."""
    return str(NUMBERS.index(file.stem.partition("-")[0]))


def seven() -> Image.Image:
    """One sample of a seven, RGB."""
    file = next(file for file in sample_files() if true_digit(file) == "7")
    return Image.open(file).convert("RGB")


def encoded(picture: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def seven_jpeg() -> bytes:
    return encoded(seven(), quality=90)


def rotated_by_exif(picture: Image.Image) -> bytes:
    """A JPEG whose pixels lie on their side and whose EXIF says how to turn them upright."""
    exif = Image.Exif()
    exif[0x0112] = 6  # "row 0 is the right side": turn 90 degrees clockwise to see it upright
    return encoded(picture.transpose(Image.Transpose.ROTATE_90), quality=95, exif=exif)


def sixteen_bit_png(picture: Image.Image) -> bytes:
    grey = np.asarray(picture.convert("L")).astype(np.uint16) * 257
    return encoded(Image.fromarray(grey), "PNG")


def transparent_png(picture: Image.Image) -> bytes:
    """Ink on nothing: the paper is transparent, and black where a careless reader looks."""
    darkness = 255 - np.asarray(picture.convert("L"))
    layers = np.zeros((*darkness.shape, 4), np.uint8)
    layers[..., 3] = darkness
    return encoded(Image.fromarray(layers), "PNG")


def bomb_png() -> bytes:
    """144 megapixels in some 140 kB."""
    side = 12_000

    def chunk(kind: bytes, body: bytes) -> bytes:
        return pack(">I", len(body)) + kind + body + pack(">I", zlib.crc32(kind + body))

    row = b"\x00" + bytes(side)
    pixels = zlib.compress(row * side, 9)
    header = pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )
