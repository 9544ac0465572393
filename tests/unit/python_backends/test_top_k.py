from __future__ import annotations

import math

import numpy as np
import pytest

from python_backends.shared.top_k import softmax, top_k

LARGEST = float(np.finfo(np.float32).max)


def test_softmax_is_the_textbooks() -> None:
    probabilities = softmax(np.array([[1.0, 2.0, 3.0]], np.float32))

    total = math.exp(1) + math.exp(2) + math.exp(3)
    expected = [math.exp(power) / total for power in (1, 2, 3)]
    np.testing.assert_allclose(probabilities[0], expected, rtol=1e-6)
    assert probabilities.dtype == np.float32


@pytest.mark.parametrize(
    "row", [[1000.0, 999.0, -1000.0], [LARGEST, -LARGEST, 0.0], [-LARGEST, -LARGEST, -LARGEST]]
)
def test_softmax_stays_finite_and_sums_to_one_for_huge_logits(row: list[float]) -> None:
    probabilities = softmax(np.array([row], np.float32))

    assert np.isfinite(probabilities).all()
    assert probabilities.sum() == pytest.approx(1.0)
    assert probabilities.argmax() == np.argmax(row)


def test_each_row_is_normalised_for_itself() -> None:
    probabilities = softmax(np.array([[0.0, 0.0], [0.0, 100.0]], np.float32))

    np.testing.assert_allclose(probabilities, [[0.5, 0.5], [0.0, 1.0]], atol=1e-6)


def test_the_most_probable_classes_come_first_with_their_own_probabilities() -> None:
    logits = np.array([[0.0, 3.0, 1.0, 2.0], [5.0, 1.0, 9.0, 3.0]], np.float32)

    indices, scores = top_k(logits, 3)

    assert indices.tolist() == [[1, 3, 2], [2, 0, 3]]
    np.testing.assert_array_equal(scores, np.take_along_axis(softmax(logits), indices, axis=1))
    assert scores.dtype == np.float32
    assert indices.dtype == np.int64


def test_among_equals_the_lower_index_comes_first() -> None:
    indices, scores = top_k(np.array([[1.0, 7.0, 1.0, 7.0, 1.0]], np.float32), 4)

    assert indices.tolist() == [[1, 3, 0, 2]]
    assert scores[0, 0] == scores[0, 1]


def test_k_may_be_every_class_and_then_the_scores_sum_to_one() -> None:
    logits = np.arange(12, dtype=np.float32).reshape(2, 6)

    indices, scores = top_k(logits, 6)

    assert indices.tolist() == [[5, 4, 3, 2, 1, 0]] * 2
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, rtol=1e-6)


def test_logits_that_differ_but_whose_probabilities_round_to_zero_keep_their_order() -> None:
    indices, scores = top_k(np.array([[-500.0, 0.0, -400.0]], np.float32), 3)

    assert scores[0, 1:].tolist() == [0.0, 0.0]
    assert indices.tolist() == [[1, 2, 0]]


@pytest.mark.parametrize("k", [1, 5, 10])
def test_of_many_classes_the_same_ones_come_first_as_if_all_were_sorted(k: int) -> None:
    random = np.random.default_rng(k)
    smooth = random.standard_normal((8, 1000)).astype(np.float32)
    # Of 40 values among 1000 many are equal, also at the limit; in the last row all are.
    coarse = random.integers(0, 40, (8, 1000)).astype(np.float32)
    coarse[-1] = 0
    mixed = np.concatenate([smooth[:4], coarse[:4]])
    for logits in (smooth, coarse, mixed):
        indices, scores = top_k(logits, k)

        expected = np.argsort(-logits, axis=1, kind="stable")[:, :k]
        np.testing.assert_array_equal(indices, expected)
        np.testing.assert_array_equal(scores, np.take_along_axis(softmax(logits), expected, axis=1))


def test_of_many_classes_those_that_are_no_numbers_come_last() -> None:
    logits = np.zeros((2, 1000), np.float32)
    logits[:, 7] = np.nan
    logits[1, 999] = 1

    indices, _ = top_k(logits, 3)

    assert indices.tolist() == [[0, 1, 2], [999, 0, 1]]


def test_an_empty_batch_is_answered_empty() -> None:
    for classes in (5, 1000):
        indices, scores = top_k(np.zeros((0, classes), np.float32), 2)

        assert indices.shape == (0, 2)
        assert scores.shape == (0, 2)
