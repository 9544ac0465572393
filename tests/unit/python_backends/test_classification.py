from __future__ import annotations

import numpy as np
import pytest

from python_backends.shared.classification import classify
from python_backends.shared.contract import Status

LABELS = np.array([b"cat", b"dog", "чай".encode()], np.object_)
LOGITS = np.array([[0.0, 2.0, 1.0], [3.0, 0.0, 1.0]], np.float32)


def states(*items: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.array(items, np.uint8).reshape(-1, 1)


def test_each_item_gets_its_labels_and_scores_highest_first() -> None:
    names, scores, status = classify(LOGITS, states(0, 0), LABELS, 2)

    assert names.tolist() == [[b"dog", "чай".encode()], [b"cat", "чай".encode()]]
    assert scores.shape == (2, 2)
    assert (np.diff(scores, axis=1) < 0).all()
    assert status.tolist() == [[0], [0]]


@pytest.mark.parametrize("status", [status for status in Status if not status.is_answered])
def test_a_refused_item_is_blank_and_its_neighbour_is_not(status: Status) -> None:
    names, scores, passed_on = classify(LOGITS, states(status, 0), LABELS, 3)

    assert names[0].tolist() == [b"", b"", b""]
    assert scores[0].tolist() == [0.0, 0.0, 0.0]
    assert names[1, 0] == b"cat"
    assert scores[1].sum() == pytest.approx(1.0)
    assert passed_on.tolist() == [[status], [0]]


def test_a_truncated_item_is_answered() -> None:
    names, scores, _ = classify(LOGITS, states(Status.TRUNCATED, 0), LABELS, 1)

    assert names[:, 0].tolist() == [b"dog", b"cat"]
    assert scores.min() > 0


def test_dtypes_are_those_of_the_contract() -> None:
    names, scores, status = classify(LOGITS, states(0, 0), LABELS, 1)

    assert (names.dtype, scores.dtype, status.dtype) == (
        np.dtype(np.object_),
        np.dtype(np.float32),
        np.dtype(np.uint8),
    )


def test_blanking_a_batch_does_not_spoil_the_labels_of_the_next() -> None:
    classify(LOGITS, states(2, 2), LABELS, 3)

    assert LABELS.tolist() == [b"cat", b"dog", "чай".encode()]
