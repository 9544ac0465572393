"""Who meets which arm: shares, steadiness, and as little movement as possible."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.routing import Arm, Route, Shadow, Sticky, choose_arm, sticky_draw

KEYS: Final = [f"user-{number}" for number in range(20_000)]


def route(**weights: int) -> Route:
    return Route("digits", tuple(Arm(release, weight) for release, weight in weights.items()))


def met(given_route: Route) -> list[str]:
    return [choose_arm(given_route, key).release for key in KEYS]


@pytest.mark.parametrize(
    "weights", [{"a": 99, "b": 1}, {"a": 50, "b": 50}, {"a": 1, "b": 2, "c": 3, "d": 0}]
)
def test_shares_are_as_the_weights_are(weights: dict[str, int]) -> None:
    counted = Counter(met(route(**weights)))
    for release, weight in weights.items():
        share = weight / sum(weights.values())
        spread = 5 * (share * (1 - share) / len(KEYS)) ** 0.5
        assert abs(counted[release] / len(KEYS) - share) <= spread


def test_without_a_key_shares_are_as_the_weights_are() -> None:
    drawn = Counter(choose_arm(route(a=9, b=1), None).release for _ in range(20_000))
    assert abs(drawn["b"] / 20_000 - 0.1) < 0.011


def test_a_growing_weight_moves_keys_to_that_arm_only_and_no_more_than_it_must() -> None:
    before, after = met(route(a=95, b=5)), met(route(a=75, b=25))
    moves = Counter((x, y) for x, y in zip(before, after, strict=True) if x != y)
    assert set(moves) == {("a", "b")}
    assert abs(moves["a", "b"] / len(KEYS) - 0.20) < 0.015


def test_of_three_arms_one_that_grows_takes_from_both_and_they_keep_theirs() -> None:
    before, after = met(route(a=10, b=10, c=10)), met(route(a=10, b=10, c=20))
    moves = {(x, y) for x, y in zip(before, after, strict=True) if x != y}
    assert moves == {("a", "c"), ("b", "c")}


def test_an_arm_of_weight_0_is_never_met() -> None:
    assert set(met(route(a=0, b=1))) == {"b"}


def test_a_draw_is_a_fact_that_other_languages_can_reproduce() -> None:
    # SHA-256 of "digits_r2\nuser-1", its first eight bytes as a big-endian number, over 2**64.
    assert sticky_draw("user-1", "digits_r2") == 0.25497875745396653


@given(st.text(max_size=50), st.text(max_size=20))
def test_a_draw_lies_between_0_and_1_and_stays(key: str, release: str) -> None:
    assert 0 < sticky_draw(key, release) < 1
    assert sticky_draw(key, release) == sticky_draw(key, release)


def test_a_route_comes_back_from_json_as_it_was() -> None:
    one = replace(
        route(digits_r1=99, digits_r2=1),
        shadow=Shadow("digits_r3", 12.5),
        sticky=Sticky.CALLER,
        revision=7,
    )
    assert Route.from_json("digits", 7, one.to_json()) == one
    assert one.releases == ("digits_r1", "digits_r2", "digits_r3")
    assert Route.from_json("digits", 0, {"arms": [{"release": "digits_r1", "weight": 100}]}) == (
        Route("digits", (Arm("digits_r1", 100),))
    )
