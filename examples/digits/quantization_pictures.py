"""Encoded pictures for whoever makes an int8 model: to calibrate with and to compare answers on."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from examples.digits.drawn import draw_all
from examples.digits.handwriting import Sheet
from examples.digits.photograph import choose_colours, photograph_sheet, take_photograph
from examples.digits.pictures import encode_anyhow
from examples.digits.scans import DIGIT_WORDS, Scans
from examples.digits.seeds import Purpose, dice
from examples.digits.strokes import DigitShape

_CALIBRATION_PER_DIGIT: Final = 20
_GOLDEN_PER_DIGIT: Final = 14  # and six that are drawn: 200 in all
_ENDINGS: Final = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}


@dataclass(frozen=True)
class NamedPicture:
    """An encoded picture; the first word of its file name is the digit."""

    file_name: str
    encoded: bytes


def make_calibration_pictures(train: Scans, shapes: list[DigitShape]) -> list[NamedPicture]:
    """Photograph twenty training scans of each digit."""
    return _photograph_some(train, shapes, _CALIBRATION_PER_DIGIT, Purpose.CALIBRATION)


def make_golden_pictures(held_out: Scans, shapes: list[DigitShape]) -> list[NamedPicture]:
    """Photograph fourteen held-out scans of each digit, and add the sixty drawn digits.

    No model has a say in it: hard pictures are among them, and some may be answered wrong.
    """
    drawn = [
        _name(drawing.digit, f"drawn-{drawing.name.partition('-')[2]}", drawing.encoded)
        for drawing in draw_all()
    ]
    return _photograph_some(held_out, shapes, _GOLDEN_PER_DIGIT, Purpose.COMPARISON) + drawn


def _photograph_some(
    scans: Scans, shapes: list[DigitShape], per_digit: int, purpose: Purpose
) -> list[NamedPicture]:
    pictures = []
    for digit in range(10):
        rng = dice(purpose, digit)
        rows = rng.permutation(np.flatnonzero(scans.digits == digit))[:per_digit]
        for number, row in enumerate(rows):
            encoded = encode_anyhow(_photograph(shapes[row], rng), rng)
            pictures.append(_name(digit, f"{number:02d}", encoded))
    return pictures


def _photograph(shape: DigitShape, rng: Generator) -> NDArray[np.uint8]:
    """Take a photograph as in training, or, half of the time, one that has to be shrunk.

    Returns:
        [H, W, 3], uint8, RGB; sides 18 to 480 pixels.
    """
    # Enlarged further, only a traced line looks written.
    if shape.distance is None or rng.random() < 0.5:
        return take_photograph(shape, rng)
    width, height = rng.integers(240, 481, 2).tolist()
    return photograph_sheet(shape, Sheet(width, height), choose_colours(rng), rng)


def _name(digit: int, what: str, encoded: bytes) -> NamedPicture:
    with Image.open(io.BytesIO(encoded)) as image:
        ending = _ENDINGS[str(image.format)]
    return NamedPicture(f"{DIGIT_WORDS[digit]}-{what}.{ending}", encoded)
