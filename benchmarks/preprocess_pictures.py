"""Pictures to measure preprocessing with: all drawn here, all the same on every machine."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SAMPLES: Final = Path(__file__).parents[1] / "examples" / "digits" / "samples"
ORIENTATION: Final = 0x0112
_QUALITY: Final = 90
_LINES: Final = "The quick brown fox jumps over the lazy dog 0123456789"


@dataclass(frozen=True)
class Picture:
    """One encoded picture, and what is on it."""

    name: str
    encoded: bytes


def photograph(width: int, height: int, *, quality: int = 92, seed: int = 0) -> bytes:
    """A JPEG with as much detail as photographs have: some 65 kB at 500x375."""
    buffer = io.BytesIO()
    _photograph(width, height, seed).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def varied_pictures() -> Iterator[Picture]:
    """Every kind of content in small, usual and large, and every other thing that a file can be."""
    for draw in (_photograph, _noise, _stripes, _text, _gradient, _digit):
        for width, height in ((100, 75), (500, 375), (640, 480), (1280, 960), (2400, 1800)):
            image = draw(width, height, width)
            yield _encode(f"{draw.__name__[1:]} {width}x{height}", image)
    yield from _large_ones()
    usual = _digit(1200, 900, 7)
    for orientation in (3, 6, 7):
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        yield _encode(f"EXIF orientation {orientation}", usual, exif=exif)
    yield _encode("grey", usual.convert("L"))
    yield _encode("CMYK", usual.convert("CMYK"))
    yield _encode("progressive", usual, progressive=True)
    yield _encode("colour at full size (4:4:4)", usual, subsampling=0)
    yield _encode("of odd sides", _digit(1001, 803, 8))
    yield _encode("high", _photograph(400, 1300, 9))
    yield _encode("PNG", usual, "PNG")
    yield _encode("WebP", usual, "WEBP")


def _large_ones() -> Iterator[Picture]:
    for draw in (_photograph, _text, _digit):
        yield _encode(f"{draw.__name__[1:]} 4000x3000", draw(4000, 3000, 5))


def _encode(name: str, image: Image.Image, kind: str = "JPEG", **options: object) -> Picture:
    buffer = io.BytesIO()
    image.save(buffer, kind, **{"quality": _QUALITY, **options})
    return Picture(name, buffer.getvalue())


def _photograph(width: int, height: int, seed: int) -> Image.Image:
    """Detail of every size, as far as eight pixels."""
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def _noise(width: int, height: int, seed: int) -> Image.Image:
    """The worst for every filter: no pixel knows its neighbour."""
    return Image.fromarray(
        np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    )


def _stripes(width: int, height: int, seed: int) -> Image.Image:
    """Slanted lines two to six pixels wide, which a careless filter turns into moiré."""
    row, column = np.mgrid[0:height, 0:width]
    period = np.linspace(4, 12, width)
    wave = np.sin(2 * np.pi * (column + row * 0.3 + seed) / period)
    grey = np.where(wave > 0, 235, 20).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def _text(width: int, height: int, seed: int) -> Image.Image:
    """Black on white, small, with edges as sharp as they come."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    size = max(8, height // 24)
    font = ImageFont.load_default(size)
    for line, top in enumerate(range(0, height, size + 4)):
        draw.text(
            (5 - (seed + 17 * line) % 60, top), _LINES * 3, fill=(line * 9 % 120,) * 3, font=font
        )
    return image


def _gradient(width: int, height: int, _seed: int) -> Image.Image:
    row, column = np.mgrid[0:height, 0:width]
    red, green = column * 255 // width, row * 255 // height
    return Image.fromarray(np.stack([red, green, 255 - red], axis=-1).astype(np.uint8))


@cache
def _samples() -> tuple[Image.Image, ...]:
    return tuple(Image.open(file).convert("RGB") for file in sorted(SAMPLES.iterdir()))


def _digit(width: int, height: int, seed: int) -> Image.Image:
    """What the network of the digits was trained for."""
    samples = _samples()
    return samples[seed % len(samples)].resize((width, height), Image.Resampling.LANCZOS)
