"""Logits and states of a batch -> labels and scores. Pure: arrays in, arrays out."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from python_backends.shared.contract import Status
from python_backends.shared.top_k import top_k

# By state: whether there is no answer. A look-up costs a tenth of np.isin.
_IS_REFUSED: Final = np.ones(256, np.bool_)
_IS_REFUSED[[state for state in Status if state.is_answered]] = False


def classify(
    logits: NDArray[np.float32], status: NDArray[np.uint8], labels: NDArray[np.object_], k: int
) -> tuple[NDArray[np.object_], NDArray[np.float32], NDArray[np.uint8]]:
    """Name the k most probable classes of each answered item.

    Args:
        logits: [N, C], float32, unbounded.
        status: [N, 1], uint8, each a contract.Status.
        labels: [C], object, UTF-8 bytes.
        k: 1 to C.

    Returns:
        Labels [N, k], object (bytes), and scores [N, k], float32, 0 to 1, highest first; empty and
        0 where the item was refused. `status` comes back as it went in.
    """
    indices, scores = top_k(logits, k)
    names = labels[indices]
    refused = _IS_REFUSED[status[:, 0]]
    if refused.any():
        names[refused], scores[refused] = b"", 0.0
    return names, scores, status
