"""How far pixels, and what a trained network makes of them, are from what training did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from benchmarks.preprocess_pictures import Picture
from benchmarks.preprocess_ways import Pixels, Way, reference
from python_backends.shared.image_transform import ImageTransform
from python_backends.shared.top_k import softmax


class Network:
    """A served network: PIXELS in, LOGITS out."""

    def __init__(self, onnx_model: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(onnx_model, options)

    def scores(self, pixels: Pixels) -> NDArray[np.float32]:
        """[N, H, W, 3], uint8 -> softmax probabilities, [N, C]."""
        name = self._session.get_inputs()[0].name
        rows = [self._session.run(None, {name: item[None]})[0][0] for item in pixels]
        return softmax(np.stack(rows))


@dataclass(frozen=True)
class Fidelity:
    """Of one way to its reference.

    Attributes:
        mean: Absolute difference in levels (0 to 255), over all pixels of all pictures.
        worst_mean: The same of the picture where it is largest.
        largest: Of any pixel.
        flips: Pictures whose best label is another one; None without a network.
        score: Largest difference of any score, 0 to 1; None without a network.
    """

    mean: float
    worst_mean: float
    largest: int
    flips: int | None = None
    score: float | None = None


def measure_fidelity(
    found: Mapping[str, Way],
    transform: ImageTransform,
    pictures: Sequence[Picture],
    network: Network | None,
) -> dict[str, Fidelity]:
    """Hold every way against plain Pillow."""
    expected = np.stack([reference(picture.encoded, transform) for picture in pictures])
    wanted = network.scores(expected) if network else None
    return {
        name: _compare(
            np.concatenate([way([it.encoded]) for it in pictures]), expected, network, wanted
        )
        for name, way in found.items()
    }


def _compare(
    pixels: Pixels,
    expected: Pixels,
    network: Network | None,
    wanted: NDArray[np.float32] | None,
) -> Fidelity:
    difference = np.abs(pixels.astype(np.int16) - expected)
    means = difference.mean(axis=(1, 2, 3))
    pixel_figures = float(means.mean()), float(means.max()), int(difference.max())
    if network is None or wanted is None:
        return Fidelity(*pixel_figures)
    scores = network.scores(pixels)
    flips = int((scores.argmax(axis=1) != wanted.argmax(axis=1)).sum())
    return Fidelity(*pixel_figures, flips, float(np.abs(scores - wanted).max()))
