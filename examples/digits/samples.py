"""Pictures to try the served model with, and the golden inputs that a release carries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from examples.digits.evaluate import Answer, Classifier
from examples.digits.handwriting import Sheet
from examples.digits.photograph import Colours, photograph_sheet
from examples.digits.pictures import clean_scan, encode_picture, raw_scan
from examples.digits.scans import DIGIT_WORDS, Scans
from examples.digits.seeds import Purpose, dice
from examples.digits.strokes import DigitShape
from triptych.export.release_writer import GoldenInput

# A golden answer is compared between engines, so it should not hang by a thread.
_SUREST: Final = 0.9


class NoPictureFound(Exception):
    """No held-out scan of a digit gives a picture that the model is sure of."""


@dataclass(frozen=True)
class Recipe:
    """A photograph to take; the first word of `file_name` is the digit, the ending the format.

    `passed_over` counts pictures that the model was sure of and that a person, looking at them,
    found hard to read.
    """

    file_name: str
    sheet: Sheet
    paper: str  # as in HTML, "#rrggbb"
    ink: str
    quality: int = 85
    passed_over: int = 0


SAMPLES: Final = (
    Recipe("zero-green-board.jpg", Sheet(360, 300), "#1f4a38", "#e8ece4"),
    Recipe("one-pencil.png", Sheet(140, 220), "#f2efe6", "#4c4c50", passed_over=7),
    Recipe("two-red-ink.jpg", Sheet(240, 240), "#f7f1e1", "#b3202a"),
    Recipe("three-kraft-paper.webp", Sheet(320, 400), "#c49a6c", "#2b1a10"),
    Recipe("four-white-on-black.png", Sheet(128, 128), "#101012", "#f4f4f4"),
    Recipe("five-ballpoint.jpg", Sheet(500, 375), "#f5f5f2", "#1d2f86", passed_over=2),
    Recipe("six-yellow-note.webp", Sheet(200, 200), "#f6e27a", "#20242c"),
    Recipe("seven-blue-paper.jpg", Sheet(300, 420), "#8fb4dc", "#16223f"),
    Recipe("seven-thumbnail.png", Sheet(60, 64), "#ece8e0", "#30302e"),
    Recipe("eight-pink-paper.jpg", Sheet(280, 240), "#eeb9c6", "#5a1238"),
    Recipe("nine-chalk.png", Sheet(260, 340), "#2c2f33", "#e9e4cf"),
    Recipe("nine-screenshot.webp", Sheet(96, 80), "#ffffff", "#111111"),
)
_GOLDEN_PHOTOGRAPHS: Final = (
    Recipe("four-portrait.jpg", Sheet(240, 400), "#efe9d8", "#27408b"),
    Recipe("five-landscape.webp", Sheet(420, 260), "#e4ecf2", "#7a1f2b"),
    Recipe("six-light-on-dark.png", Sheet(180, 180), "#18202c", "#e6e0c8"),
    Recipe("seven-large.jpg", Sheet(1200, 1100), "#f4f2ea", "#1c1c22"),
    Recipe("eight-yellow.webp", Sheet(200, 240), "#f3df6b", "#3a2a10"),
    Recipe("nine-blue.png", Sheet(120, 150), "#9dbfe6", "#101a44"),
    Recipe("two-green-board.jpg", Sheet(320, 240), "#1f4a38", "#eef0e8"),
)
_FORMATS: Final = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}


@dataclass(frozen=True)
class Sample:
    """One encoded picture and what the model says to it, which is right."""

    file_name: str
    encoded: bytes
    answer: Answer


def make_samples(classifier: Classifier, scans: Scans, shapes: list[DigitShape]) -> list[Sample]:
    """Photograph a dozen scans.

    Raises:
        NoPictureFound: the model does not recognise any of many tries.
    """
    return [
        _photograph_until_sure(recipe, classifier, scans, shapes, dice(Purpose.SAMPLES, place))
        for place, recipe in enumerate(SAMPLES)
    ]


def make_golden_inputs(
    classifier: Classifier, scans: Scans, shapes: list[DigitShape]
) -> tuple[GoldenInput, ...]:
    """Choose inputs with reliable answers: three formats, grey and colour, 8 x 8 to 1200 pixels.

    Raises:
        NoPictureFound: as above.
    """
    samples = [
        _photograph_until_sure(recipe, classifier, scans, shapes, dice(Purpose.GOLDEN, place))
        for place, recipe in enumerate(_GOLDEN_PHOTOGRAPHS)
    ]
    plain = (
        ("zero-tiny-8x8.png", raw_scan, False),
        ("one-tiny-8x8-inverted.webp", raw_scan, True),
        ("three-grey.png", clean_scan, False),
        ("four-grey-inverted.png", clean_scan, True),
        ("eight-grey.jpg", clean_scan, False),
    )
    for file_name, show, is_inverted in plain:
        file_format = _FORMATS[_ending(file_name)]
        tries = (
            encode_picture(show(scans.images[row], is_inverted=is_inverted), file_format)
            for row in np.flatnonzero(scans.digits == _digit_of(file_name))
        )
        samples.append(_first_sure(file_name, classifier, tries))
    return tuple(
        GoldenInput(item.file_name, item.encoded, str(item.answer.digit), item.answer.score)
        for item in samples
    )


def _photograph_until_sure(
    recipe: Recipe,
    classifier: Classifier,
    scans: Scans,
    shapes: list[DigitShape],
    rng: Generator,
) -> Sample:
    rows = rng.permutation(np.flatnonzero(scans.digits == _digit_of(recipe.file_name)))
    colours = Colours(_parse_colour(recipe.paper), _parse_colour(recipe.ink))
    file_format = _FORMATS[_ending(recipe.file_name)]
    tries = (
        encode_picture(
            photograph_sheet(shapes[row], recipe.sheet, colours, rng), file_format, recipe.quality
        )
        for row in rows
        if shapes[row].distance is not None  # enlarged this far, only a traced line looks written
    )
    return _first_sure(recipe.file_name, classifier, tries, recipe.passed_over)


def _first_sure(
    file_name: str, classifier: Classifier, tries: Iterable[bytes], passed_over: int = 0
) -> Sample:
    for encoded in tries:
        (answer,) = classifier.classify([encoded])
        if answer.digit != _digit_of(file_name) or answer.score < _SUREST:
            continue
        if passed_over == 0:
            return Sample(file_name, encoded, answer)
        passed_over -= 1
    raise NoPictureFound(f"{file_name}: the model is not sure of any held-out scan.")


def _digit_of(file_name: str) -> int:
    return DIGIT_WORDS.index(file_name.partition("-")[0])


def _ending(file_name: str) -> str:
    return file_name.rpartition(".")[2]


def _parse_colour(html: str) -> NDArray[np.float32]:
    """Read "#rrggbb" as [3], float32, RGB, 0 to 1."""
    return np.frombuffer(bytes.fromhex(html[1:]), np.uint8).astype(np.float32) / 255
