"""Shares that add up, and what moves."""

from __future__ import annotations

import pytest

from ui.traffic_moves import Move, moves, whole_percents


@pytest.mark.parametrize(
    ("weights", "percents"),
    [
        ({"a": 1, "b": 2}, {"a": 33, "b": 67}),
        ({"a": 1, "b": 1, "c": 1}, {"a": 34, "b": 33, "c": 33}),
        ({"a": 5}, {"a": 100}),
        ({"a": 0, "b": 0}, {"a": 0, "b": 0}),
        ({"a": 999_999, "b": 1}, {"a": 100, "b": 0}),
    ],
)
def test_percents_add_up(weights: dict[str, float], percents: dict[str, int]) -> None:
    assert whole_percents(weights) == percents


def test_what_one_loses_another_gets() -> None:
    assert moves({"a": 100}, {"a": 88, "b": 12}) == [Move(12, "a", "b")]
    assert moves({"a": 50, "b": 50}, {"c": 100}) == [Move(50, "a", "c"), Move(50, "b", "c")]
    assert moves({"a": 100}, {"b": 70, "c": 30}) == [Move(70, "a", "b"), Move(30, "a", "c")]
    assert moves({"a": 33.3, "b": 66.7}, {"a": 33.3, "b": 66.7}) == []
