"""The evidence that one arm is worse: against brute force, under peeking, and when things drift."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import pytest

from gateway.rollouts.confidence import (
    Count,
    Stratum,
    log_evidence_worse,
    log_likelihood,
    log_mixture,
)

ALPHA = 0.05
NEEDED = math.log(1 / ALPHA)


@pytest.mark.parametrize("margin", [0.0, 0.01, 0.3])
@pytest.mark.parametrize(
    ("candidate", "stable"),
    [
        (Count(9, 60), Count(2, 90)),
        (Count(1, 60), Count(30, 90)),
        (Count(60, 60), Count(0, 90)),
        (Count(60, 60), Count(90, 90)),
        (Count(0, 60), Count(0, 90)),
        (Count(20, 60), Count(0, 0)),
    ],
)
def test_evidence_is_the_mixture_over_the_best_that_a_grid_finds_within_the_margin(
    candidate: Count, stable: Count, margin: float
) -> None:
    grid = [step / 400 for step in range(401)]
    best = max(
        log_likelihood(candidate, ours) + log_likelihood(stable, theirs)
        for theirs in grid
        for ours in grid
        if ours <= theirs + margin + 1e-12
    )
    expected = log_mixture(candidate) + log_mixture(stable) - best

    found = log_evidence_worse([Stratum(candidate, stable)], margin, 1)
    assert found == pytest.approx(expected, abs=0.02)


def alarms(rates: list[float], *, excess: float = 0.0, margin: float = 0.0) -> float:
    """Of 200 rollouts with a rate per step, 20 looks in each: how many were stopped."""
    chance, stopped = random.Random(7), 0  # noqa: S311 - no secret
    for _ in range(200):
        strata: list[Stratum] = []
        stopped += any(
            log_evidence_worse(strata, margin, len(rates)) >= NEEDED
            for _ in _looks(chance, strata, rates, excess)
        )
    return stopped / 200


def _looks(
    chance: random.Random, strata: list[Stratum], rates: list[float], excess: float
) -> Iterator[None]:
    """Let 30 requests pass before each look, at first few of them to the candidate."""
    for share, rate in zip((0.05, 0.25, 0.5), rates, strict=True):
        strata.append(Stratum(Count(), Count()))
        for _ in range(20):
            drawn = [chance.random() < share for _ in range(30)]
            ours = sum(drawn)
            failed = sum(chance.random() < rate + excess for _ in range(ours))
            others = sum(chance.random() < rate for _ in range(30 - ours))
            last = strata[-1]
            strata[-1] = Stratum(
                last.candidate + Count(failed, ours), last.stable + Count(others, 30 - ours)
            )
            yield


@pytest.mark.no_cover  # of so many rounds the tracing would take most of the time
@pytest.mark.parametrize("rates", [[0.05, 0.05, 0.05], [0.02, 0.1, 0.4], [0.4, 0.1, 0.02]])
def test_equal_arms_are_rarely_stopped_at_any_look_also_when_both_drift(rates: list[float]) -> None:
    assert alarms(rates) <= ALPHA


@pytest.mark.no_cover  # of so many rounds the tracing would take most of the time
def test_an_excess_at_the_margin_is_rarely_a_reason() -> None:
    assert alarms([0.05, 0.05, 0.05], excess=0.05, margin=0.05) <= ALPHA


@pytest.mark.no_cover  # of so many rounds the tracing would take most of the time
@pytest.mark.parametrize("rates", [[0.05, 0.05, 0.05], [0.02, 0.1, 0.3]])
def test_a_worse_candidate_is_nearly_always_stopped_also_when_both_drift(
    rates: list[float],
) -> None:
    assert alarms(rates, excess=0.2) >= 0.95


def test_an_outage_that_hits_both_arms_late_is_no_evidence_though_the_sums_look_so() -> None:
    quiet = Stratum(Count(0, 900), Count(0, 9000))
    outage = Stratum(Count(250, 1500), Count(245, 1500))
    # 10.4 % against 2.3 %
    together = Stratum(quiet.candidate + outage.candidate, quiet.stable + outage.stable)

    assert log_evidence_worse([together], 0.005, 5) > NEEDED
    assert log_evidence_worse([quiet, outage], 0.005, 5) < 0


def test_evidence_of_small_steps_adds_up() -> None:
    step = Stratum(Count(6, 300), Count(0, 3000))

    assert log_evidence_worse([step], 0.005, 5) < NEEDED
    assert log_evidence_worse([step] * 4, 0.005, 5) > NEEDED


def test_what_was_before_a_change_does_not_drown_what_came_after() -> None:
    good = Stratum(Count(0, 3000), Count(0, 30_000))
    bad = Stratum(Count(20, 400), Count(0, 4000))

    assert log_evidence_worse([good, good, bad], 0.005, 5) > NEEDED


def test_nothing_counted_is_no_evidence() -> None:
    assert log_evidence_worse([], 0.0, 5) == pytest.approx(0)
    assert log_evidence_worse([Stratum(Count(), Count())], 0.0, 5) == pytest.approx(0)


@pytest.mark.parametrize(
    ("hits", "is_worse"), [(10**7, False), (15 * 10**6 - 10**5, False), (15 * 10**6 + 10**5, True)]
)
def test_a_thousand_million_requests_are_told_apart_at_the_margin(
    hits: int, *, is_worse: bool
) -> None:
    stratum = Stratum(Count(hits, 10**9), Count(10**7, 10**9))
    found = log_evidence_worse([stratum], 0.005, 5)

    assert math.isfinite(found)
    assert (found > NEEDED) is is_worse
