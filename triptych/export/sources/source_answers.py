"""A SourceModel around whatever answers for the source."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from numpy.typing import NDArray

from triptych.export.loaded_model import SourceModel, Tensors
from triptych.export.normalisation import Normalisation
from triptych.export.onnx_graph import ends_in_softmax

Infer = Callable[[Tensors], NDArray[np.float32]]


def answering(
    network: onnx.ModelProto,
    infer: Infer,
    prepare: Callable[[bytes], Tensors],
    normalisation: Normalisation | None,
    preprocessing: str,
) -> SourceModel:
    """Build it; where the network ends in a softmax, logarithms take its probabilities back.

    Args:
        network: As the framework exported it, before it was wrapped for serving.
        infer: The source's own answers, [N, C].
        prepare: See SourceModel.
        normalisation: See SourceModel.
        preprocessing: See SourceModel.
    """
    has_logits = not ends_in_softmax(network.graph)
    asked = infer if has_logits else _as_logits(infer)
    return SourceModel(prepare, asked, normalisation, preprocessing, has_logits)


def _as_logits(infer: Infer) -> Infer:
    def infer_logits(tensors: Tensors) -> NDArray[np.float32]:
        # float32 has nothing smaller than this that a logarithm could tell from zero.
        logits: NDArray[np.float32] = np.log(np.maximum(infer(tensors), np.finfo(np.float32).tiny))
        return logits

    return infer_logits
