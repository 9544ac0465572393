"""Pictures whose class is their colour: red, green or blue, in every format and many sizes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = ("red", "green", "blue")
_SIZES = ((64, 48), (120, 160), (200, 90), (33, 47), (8, 8), (500, 375))
_FORMATS = ("JPEG", "PNG", "WEBP")


def coloured_picture(colour: int, number: int) -> Image.Image:
    """Soft noise with one channel raised; never the same twice."""
    rng = np.random.default_rng((colour, number))
    width, height = _SIZES[number % len(_SIZES)]
    coarse = rng.integers(0, 120, (5, 5, 3), np.uint8)
    coarse[..., colour] += np.uint8(rng.integers(90, 130))
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def write_pictures(folder: Path, per_colour: int, first: int = 0) -> Path:
    """Write some of each colour as files; the name begins with the colour."""
    folder.mkdir(parents=True, exist_ok=True)
    for colour, name in enumerate(COLOURS):
        for number in range(first, first + per_colour):
            format_ = _FORMATS[number % 3]
            buffer = io.BytesIO()
            coloured_picture(colour, number).save(buffer, format_)
            suffix = "jpg" if format_ == "JPEG" else format_.lower()
            (folder / f"{name}-{number:02d}.{suffix}").write_bytes(buffer.getvalue())
    return folder
