"""Logits -> the most probable classes. Pure: arrays in, arrays out."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

# Of fewer logits, sorting all costs less than finding those that can be among the first (measured).
_MANY_LOGITS: Final = 2000


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn logits into probabilities.

    Args:
        logits: [N, C], float32, unbounded.

    Returns:
        [N, C], float32, 0 to 1, each row summing to 1.

    The maximum is subtracted first, so that exp() cannot overflow.
    """
    with np.errstate(over="ignore"):  # a difference beyond float32 is -inf, and exp() makes it 0
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float32] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities


def top_k(logits: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Pick the k most probable classes of each item.

    Args:
        logits: [N, C], float32, unbounded.
        k: 1 to C.

    Returns:
        Class indices [N, k], int64, highest first (the lower index first among equals), and their
        softmax probabilities [N, k], float32, 0 to 1.
    """
    probabilities = softmax(logits)
    indices = _highest(logits, k)
    return indices, np.take_along_axis(probabilities, indices, axis=1)


def _highest(logits: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    count, classes = logits.shape
    if logits.size >= _MANY_LOGITS and classes > k:
        least = np.partition(logits, classes - k, axis=1)[:, classes - k, np.newaxis]
        rows, candidates = np.nonzero(logits >= least)
        if len(rows) == count * k and (np.bincount(rows, minlength=count) == k).all():
            candidates = candidates.reshape(count, k)  # ascending, so that equals stay in order
            order = _sorted(np.take_along_axis(logits, candidates, axis=1))
            return np.take_along_axis(candidates, order, axis=1)
    return _sorted(logits)[:, :k]  # also where equals, or no numbers, stand at the limit


def _sorted(logits: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.argsort(-logits, axis=1, kind="stable")
