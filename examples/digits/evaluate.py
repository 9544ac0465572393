"""How good the exported file is: ONNX Runtime, on encoded pictures, through the serving code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from examples.digits.drawn import DrawnDigit
from examples.digits.photograph import take_photograph
from examples.digits.pictures import (
    clean_scan,
    encode_anyhow,
    encode_picture,
    raw_scan,
    to_model_input,
)
from examples.digits.scans import Scans
from examples.digits.seeds import Purpose, dice
from examples.digits.strokes import DigitShape
from python_backends.shared.contract import LOGITS, PIXELS
from python_backends.shared.top_k import top_k

VERSIONS: Final = 5
# Share of right answers below which no release is written.
ACCEPTANCE: Final = {"held_out_clean": 0.99, "held_out_augmented": 0.98, "drawn": 58 / 60}
_BATCH: Final = 64


@dataclass(frozen=True)
class Answer:
    """What the model says to one picture; `score` is the softmax probability, 0 to 1."""

    digit: int
    score: float


class AnswersPictures(Protocol):
    """A model together with the way from encoded pictures to its input."""

    def classify(self, pictures: list[bytes]) -> list[Answer]:
        """Answer encoded pictures, one answer each, in their order."""
        ...


class Classifier:
    """The exported file, from encoded picture to answer."""

    def __init__(self, onnx_model: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            onnx_model, options, providers=["CPUExecutionProvider"]
        )

    def classify(self, pictures: list[bytes]) -> list[Answer]:
        """Answer encoded pictures, in batches as a server would."""
        answers: list[Answer] = []
        for start in range(0, len(pictures), _BATCH):
            batch = pictures[start : start + _BATCH]
            pixels = np.stack([to_model_input(encoded) for encoded in batch])
            (logits,) = self._session.run([LOGITS.name], {PIXELS.name: pixels})
            digits, scores = top_k(logits, 1)
            answers += [
                Answer(int(digit), float(score))
                for digit, score in zip(digits[:, 0], scores[:, 0], strict=True)
            ]
        return answers


@dataclass(frozen=True)
class Result:
    """The figures of one set; `confusion` is [10, 10], int64, rows true, columns answered."""

    confusion: NDArray[np.int64]

    @property
    def images(self) -> int:
        """How many pictures the set has."""
        return int(self.confusion.sum())

    @property
    def correct(self) -> int:
        """How many of them were answered right."""
        return int(np.trace(self.confusion))

    @property
    def accuracy(self) -> float:
        """Share of right answers, 0 to 1."""
        return self.correct / self.images

    def to_json(self) -> dict[str, object]:
        """Write the figures as they stand in a release's certificate."""
        return {
            "images": self.images,
            "correct": self.correct,
            "accuracy": round(self.accuracy, 5),
            "confusion": self.confusion.tolist(),
        }


def evaluate_scans(
    classifier: AnswersPictures, scans: Scans, shapes: list[DigitShape], purpose: Purpose
) -> dict[str, Result]:
    """Answer four sets made of the same scans: clean, inverted, as they are, as photographs.

    Args:
        classifier: The model.
        scans: Scans that training has not seen.
        shapes: The same scans, traced.
        purpose: Whose dice the photographs are made with; never training's.
    """

    def plain(show: Callable[..., NDArray[np.uint8]], *, is_inverted: bool) -> Result:
        pictures = [
            encode_picture(show(image, is_inverted=is_inverted), "PNG") for image in scans.images
        ]
        return _compare(scans.digits, classifier.classify(pictures))

    photographs = list(_photographs(shapes, purpose))
    return {
        "held_out_clean": plain(clean_scan, is_inverted=False),
        "held_out_clean_inverted": plain(clean_scan, is_inverted=True),
        "held_out_raw_8x8": plain(raw_scan, is_inverted=False),
        "held_out_augmented": _compare(
            np.tile(scans.digits, VERSIONS), classifier.classify(photographs)
        ),
    }


def evaluate_drawn(
    classifier: AnswersPictures, drawings: list[DrawnDigit]
) -> tuple[Result, list[str]]:
    """Answer the drawn digits.

    Returns:
        The figures, and one line for each drawing that was answered wrong.
    """
    answers = classifier.classify([drawing.encoded for drawing in drawings])
    wrong = [
        f"drawn {drawing.name} was taken for {answer.digit} (score {answer.score:.2f})"
        for drawing, answer in zip(drawings, answers, strict=True)
        if answer.digit != drawing.digit
    ]
    digits = np.array([drawing.digit for drawing in drawings])
    return _compare(digits, answers), wrong


def find_failures(results: dict[str, Result]) -> list[str]:
    """Name, one sentence each, the sets that stay below what a release needs."""
    return [
        f"{name}: {results[name].accuracy:.2%} right, {least:.2%} needed"
        for name, least in ACCEPTANCE.items()
        if name in results and results[name].accuracy < least
    ]


def _photographs(shapes: list[DigitShape], purpose: Purpose) -> Iterator[bytes]:
    for version in range(VERSIONS):
        for row, shape in enumerate(shapes):
            rng = dice(purpose, version, row)
            yield encode_anyhow(take_photograph(shape, rng), rng)


def _compare(digits: NDArray[np.int64], answers: list[Answer]) -> Result:
    confusion = np.zeros((10, 10), np.int64)
    np.add.at(confusion, (digits, np.array([answer.digit for answer in answers])), 1)
    return Result(confusion)
