"""Pictures whose bytes cost what photographs of their size cost to decode; none has to be fetched.

Noise in octaves, weaker the finer it is, as in natural images: the spectrum falls as 1/f.
Source: D. Field, "Relations between the statistics of natural images ...", 1987.
"""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

COMMON_SIZE: Final = (500, 375)
# Chosen so that 500x375 at quality 90 has 65 to 70 KB, as photographs of that size do.
_FALL: Final = 0.75
_CONTRAST: Final = 46.0
_QUALITY: Final = 90
_COLOUR: Final = 0.35  # of the contrast, that colours differ by


def picture(width: int, height: int, seed: int) -> Image.Image:
    """One picture, RGB; the same for the same seed."""
    random = np.random.default_rng(seed)
    light = _noise(random, width, height)
    colours = [light + _COLOUR * _noise(random, width, height) for _ in range(3)]
    values = 128 + _CONTRAST * np.stack(colours, axis=-1)
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def _noise(random: np.random.Generator, width: int, height: int) -> NDArray[np.float32]:
    """Sum of octaves, about -2 to 2."""
    total = np.zeros((height, width), np.float32)
    weight, side = 1.0, max(width, height) // 3
    while side:
        rows, columns = height // side + 2, width // side + 2
        coarse = Image.fromarray(random.normal(0, 1, (rows, columns)).astype(np.float32))
        total += weight * np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
        weight, side = weight * _FALL, side // 2
    return total


def jpeg(width: int, height: int, seed: int) -> bytes:
    """The same as a JPEG."""
    buffer = io.BytesIO()
    picture(width, height, seed).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
