"""The statistics against brute force, and looked at again and again."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from gateway.rollouts.confidence import (
    Count,
    Interval,
    log_evidence_above,
    log_likelihood,
    log_mixture,
    rate_interval,
    wilson_interval,
)

ALPHA = 0.05


@pytest.mark.parametrize("count", [Count(0, 40), Count(3, 40), Count(40, 40), Count(2, 2000)])
def test_the_mixture_is_the_mean_of_the_likelihood_over_the_prior(count: Count) -> None:
    # The distribution function of Beta(1/4, 1) is p^(1/4), so p = u^4 with an even u.
    steps = 100_000
    rates = (((step + 0.5) / steps) ** 4 for step in range(steps))
    mean = sum(math.exp(log_likelihood(count, rate)) for rate in rates) / steps

    assert log_mixture(count) == pytest.approx(math.log(mean), abs=1e-3)


@pytest.mark.parametrize(
    "count", [Count(0, 30), Count(1, 30), Count(15, 30), Count(30, 30), Count(7, 900)]
)
def test_the_interval_is_the_one_of_a_fine_grid(count: Count) -> None:
    grid = [step / 100_000 for step in range(1, 100_000)]
    mixture = log_mixture(count)
    kept = [p for p in grid if mixture - log_likelihood(count, p) < math.log(1 / ALPHA)]
    found = rate_interval(count, ALPHA)

    assert found.lower == pytest.approx(0 if count.hits == 0 else kept[0], abs=2e-5)
    assert found.upper == pytest.approx(1 if count.hits == count.of else kept[-1], abs=2e-5)


def share_always_covered(
    interval: Callable[[Count, float], Interval], rate: float, alpha: float
) -> float:
    """Of 300 sequences of 600, looked at after every 10: how many never excluded the truth."""
    chance, covered = random.Random(20251122), 0  # noqa: S311 - no secret
    for _ in range(300):
        hits, is_covered = 0, True
        for look in range(1, 61):
            hits += sum(chance.random() < rate for _ in range(10))
            limits = interval(Count(hits, 10 * look), alpha)
            is_covered = limits.lower <= rate <= limits.upper
            if not is_covered:
                break
        covered += is_covered
    return covered / 300


@pytest.mark.no_cover  # of so many rounds the tracing would take most of the time
@pytest.mark.parametrize("rate", [0.02, 0.3])
def test_the_interval_covers_the_rate_at_all_looks_at_once(rate: float) -> None:
    assert share_always_covered(rate_interval, rate, 0.1) >= 0.9


@pytest.mark.no_cover  # of so many rounds the tracing would take most of the time
def test_wilson_s_interval_does_not_and_so_the_test_above_can_fail() -> None:
    assert share_always_covered(wilson_interval, 0.3, 0.1) < 0.75


def test_wilson_s_interval_is_the_one_of_the_textbook() -> None:
    found = wilson_interval(Count(10, 100), 0.05)  # prop.test in R, without correction

    assert (found.lower, found.upper) == pytest.approx((0.05523, 0.17437), abs=1e-5)


@pytest.mark.parametrize("interval", [rate_interval, wilson_interval])
def test_limits_of_none_and_all(interval: Callable[[Count, float], Interval]) -> None:
    assert interval(Count(), ALPHA) == Interval(0, 1)
    assert interval(Count(0, 50), ALPHA).lower == 0
    assert 0 < interval(Count(0, 50), ALPHA).upper < 0.25
    assert interval(Count(50, 50), ALPHA).upper == 1
    assert 0.75 < interval(Count(50, 50), ALPHA).lower < 1


@pytest.mark.parametrize("interval", [rate_interval, wilson_interval])
@pytest.mark.parametrize("hits", [0, 1, 20_000_000, 10**9 - 1, 10**9])
def test_an_interval_of_a_thousand_million_is_narrow_and_holds_the_rate(
    interval: Callable[[Count, float], Interval], hits: int
) -> None:
    count = Count(hits, 10**9)
    found = interval(count, ALPHA)

    assert found.lower <= count.rate <= found.upper
    assert found.upper - found.lower < 1e-4


@pytest.mark.parametrize("count", [Count(3, 100), Count(8, 100), Count(12, 100), Count(100, 100)])
def test_evidence_passes_when_the_lower_limit_passes(count: Count) -> None:
    is_above = rate_interval(count, ALPHA).lower > 0.02

    assert (log_evidence_above(count, 0.02) > math.log(1 / ALPHA)) is is_above


def test_what_lies_below_the_limit_is_no_evidence() -> None:
    assert log_evidence_above(Count(0, 1000), 0.02) < 0
    assert log_evidence_above(Count(), 0.02) == 0
    assert log_evidence_above(Count(1, 1000), 0.0) == math.inf


def test_likelihoods_at_the_ends() -> None:
    assert log_likelihood(Count(0, 5), 0.0) == 0
    assert log_likelihood(Count(5, 5), 1.0) == 0
    assert log_likelihood(Count(1, 5), 0.0) == -math.inf
    assert log_likelihood(Count(4, 5), 1.0) == -math.inf
