"""A network so simple that every number of a parity report can be worked out by hand.

A picture is one pixel, its logits are red, green and blue divided by 25.5, and its label the
strongest of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from python_backends.shared.contract import Status
from python_backends.shared.top_k import softmax
from triptych.export.loaded_model import SourceModel, Tensors
from triptych.export.normalisation import Normalisation
from triptych.export.parity import TOLERANCES, ParityReport, Tolerances, compare
from triptych.export.served_answers import ServedAnswers

LABELS = ("red", "green", "blue")
SCALE = Normalisation.of((0.0,) * 3, (1.0,) * 3, rescale=1 / 25.5)
PURE = np.array([[250, 10, 60], [20, 240, 70], [30, 80, 230]], np.uint8)


def infer(tensors: Tensors) -> NDArray[np.float32]:
    """[N, 3, 1, 1] -> [N, 3]."""
    return np.asarray(tensors[0].reshape(-1, 3), np.float32)


def prepare(_encoded: bytes) -> Tensors:
    raise NotImplementedError


SOURCE = SourceModel(prepare, infer, SCALE, "by hand")


def prepared(pixels: NDArray[Any]) -> Tensors:
    """What the source's own preprocessing makes of pictures, [N, 3]."""
    return (SCALE.apply(pixels.reshape(-1, 1, 1, 3)),)


def answers(pixels: NDArray[Any], logits: NDArray[Any] | None = None) -> ServedAnswers:
    """What a faultless pipeline would say; other logits make it one with another network."""
    given = infer(prepared(pixels)) if logits is None else np.asarray(logits, np.float32)
    order = np.argsort(-given, axis=1)
    return ServedAnswers(
        labels=np.array(LABELS)[order],
        scores=np.take_along_axis(softmax(given), order, axis=1),
        logits=given,
        status=np.full((len(given), 1), Status.OK, np.uint8),
        features=(pixels.reshape(-1, 1, 1, 3).astype(np.uint8),),
    )


def refuse(served: ServedAnswers, item: int) -> ServedAnswers:
    """The same, with one item that the preprocess step refused."""
    labels, scores, status = served.labels.copy(), served.scores.copy(), served.status.copy()
    labels[item], scores[item], status[item] = "", 0, Status.UNDECODABLE
    return replace(served, labels=labels, scores=scores, status=status)


def report(
    served: ServedAnswers,
    pixels: NDArray[Any] = PURE,
    *,
    source: SourceModel = SOURCE,
    labels: tuple[str, ...] = LABELS,
    is_trained: bool = True,
    tolerances: Tolerances = TOLERANCES["fp32"],
) -> ParityReport:
    """Compare, with items named 0, 1, 2."""
    return compare(
        [str(number) for number in range(len(pixels))],
        prepared(pixels),
        source,
        served,
        labels,
        is_trained=is_trained,
        tolerances=tolerances,
    )
