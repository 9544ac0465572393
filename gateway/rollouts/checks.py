"""The questions that a rollout asks at every look, each with the numbers of its answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from gateway.rollouts.confidence import (
    Count,
    Stratum,
    log_evidence_above,
    log_evidence_worse,
    rate_interval,
)
from gateway.rollouts.latency_sketch import LatencySketch
from gateway.rollouts.terms import RolloutTerms
from gateway.rollouts.totals import ArmTotals, PairTotals

_METRICS: Final = 3
"""Failures, latency, agreement: each gets a third of alpha."""
_MOST_EVIDENCE: Final = 1e12  # more says nothing more, and infinity is no JSON


@dataclass(frozen=True)
class StepEvidence:
    """What was counted in one step."""

    percent: int
    """The candidate's share of the traffic; 0 is the baseline, when it is only mirrored to."""
    candidate: ArmTotals = field(default_factory=ArmTotals)
    stable: ArmTotals = field(default_factory=ArmTotals)
    pairs: PairTotals = field(default_factory=PairTotals)
    threshold_ms: float | None = None
    """`latency_threshold` of the steps before, fixed when this one began; None in the baseline."""


class Metric(StrEnum):
    """What is compared."""

    FAILURES = "failures"
    LATENCY = "latency"  # the share of answers that took longer than stable's p95 before
    AGREEMENT = "agreement"  # the share of mirrored items with another top label
    HARD_FAILURES = "hard_failures"  # a limit without statistics
    HARD_LATENCY = "hard_latency"  # another: the ratio of the p95s
    HARD_LATENCY_OF_PAIRS = "hard_latency_of_pairs"  # the same for mirrored items


class Verdict(StrEnum):
    """What a check says."""

    WORSE = "worse"  # reason to roll back
    NOT_WORSE = "not_worse"  # as far as is known: there may be little evidence
    UNKNOWN = "unknown"  # nothing to compare yet


@dataclass(frozen=True, slots=True)
class MeasuredRate:
    """A rate and how well it is known."""

    hits: int
    of: int
    rate: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class RateCheck:
    """A comparison of rates, over the whole rollout.

    Args:
        metric: What is compared.
        verdict: WORSE once the evidence is what is needed.
        tolerated: The excess over stable's rate, or for agreement the rate itself, 0 to 1.
        candidate: Its rate; the interval covers the true one at all looks at once.
        stable: The same; None where a limit is all there is.
        evidence: How many times better "worse" explains the counts than any "not worse" does.
        needed: How much of that rolls back.
    """

    metric: Metric
    verdict: Verdict
    tolerated: float
    candidate: MeasuredRate
    stable: MeasuredRate | None
    evidence: float
    needed: float


@dataclass(frozen=True, slots=True)
class LimitCheck:
    """A hard limit, in the current step: a share of failures, or a p95 in ms."""

    metric: Metric
    verdict: Verdict
    limit: float
    candidate: float
    stable: float
    of: int
    """How many of the candidate's requests it is taken from."""


Check = RateCheck | LimitCheck


def all_checks(terms: RolloutTerms, evidence: Sequence[StepEvidence]) -> tuple[Check, ...]:
    """Ask everything.

    Args:
        terms: What is tolerated.
        evidence: Every step so far, the current one last; at least one.
    """
    timed = [step for step in evidence if step.threshold_ms is not None]
    now = evidence[-1]
    pairs = now.pairs
    return (
        _compared(
            terms,
            Metric.FAILURES,
            list(map(_failures, evidence)),
            terms.error_margin,
            terms.periods,
        ),
        _compared(
            terms,
            Metric.LATENCY,
            list(map(_slow_answers, timed)),
            terms.latency_margin,
            max(terms.periods - 1, 1),  # the baseline has no threshold
        ),
        _agreement(terms, [step.pairs for step in evidence]),
        _hard_failures(terms, _failures(now)),
        _hard_p95(terms, Metric.HARD_LATENCY, now.candidate.latency, now.stable.latency),
        _hard_p95(
            terms, Metric.HARD_LATENCY_OF_PAIRS, pairs.candidate_latency, pairs.serving_latency
        ),
    )


def _failures(step: StepEvidence) -> Stratum:
    """Mirrored requests count for the candidate: nobody was harmed, and they failed all the same."""
    pairs = Count(step.pairs.candidate_failures, step.pairs.pairs)
    return Stratum(
        Count(step.candidate.failures, step.candidate.requests) + pairs,
        Count(step.stable.failures, step.stable.requests),
    )


def _slow_answers(step: StepEvidence) -> Stratum:
    """Mirrored requests do not count: they are sent at another moment, and nobody waits for them."""
    threshold = math.inf if step.threshold_ms is None else step.threshold_ms
    candidate, stable = step.candidate.latency, step.stable.latency
    return Stratum(
        Count(candidate.count_above(threshold), candidate.total),
        Count(stable.count_above(threshold), stable.total),
    )


def _compared(
    terms: RolloutTerms, metric: Metric, strata: Sequence[Stratum], margin: float, periods: int
) -> RateCheck:
    candidate = sum((stratum.candidate for stratum in strata), Count())
    stable = sum((stratum.stable for stratum in strata), Count())
    found = log_evidence_worse(strata, margin, periods)
    known = bool(candidate.of and stable.of)
    return _rate_check(terms, metric, margin, candidate, stable, found if known else None)


def _agreement(terms: RolloutTerms, steps: Sequence[PairTotals]) -> RateCheck:
    """Of the items that the serving arm did not fail: its failures are not the candidate's."""
    of = sum(pairs.pairs - pairs.serving_failures for pairs in steps)
    disagreed = Count(of - sum(pairs.top1_agreed for pairs in steps), of)
    found = log_evidence_above(disagreed, terms.disagreement_limit) if of else None
    return _rate_check(terms, Metric.AGREEMENT, terms.disagreement_limit, disagreed, None, found)


def _rate_check(
    terms: RolloutTerms,
    metric: Metric,
    tolerated: float,
    candidate: Count,
    stable: Count | None,
    log_evidence: float | None,
) -> RateCheck:
    alpha = terms.alpha / _METRICS
    verdict = Verdict.UNKNOWN
    if log_evidence is not None:
        verdict = Verdict.WORSE if log_evidence >= -math.log(alpha) else Verdict.NOT_WORSE
    return RateCheck(
        metric=metric,
        verdict=verdict,
        tolerated=tolerated,
        candidate=_measured(candidate, alpha),
        stable=None if stable is None else _measured(stable, alpha),
        evidence=math.exp(min(log_evidence or 0.0, math.log(_MOST_EVIDENCE))),
        needed=1 / alpha,
    )


def _measured(count: Count, alpha: float) -> MeasuredRate:
    known = rate_interval(count, alpha)
    return MeasuredRate(count.hits, count.of, count.rate, known.lower, known.upper)


def _hard_failures(terms: RolloutTerms, now: Stratum) -> LimitCheck:
    limit = terms.hard_failure_share
    verdict = Verdict.NOT_WORSE
    if now.candidate.of < max(terms.hard_failure_requests, 1):
        verdict = Verdict.UNKNOWN
    elif now.candidate.rate > limit >= now.stable.rate:
        verdict = Verdict.WORSE
    return LimitCheck(
        Metric.HARD_FAILURES, verdict, limit, now.candidate.rate, now.stable.rate, now.candidate.of
    )


def _hard_p95(
    terms: RolloutTerms, metric: Metric, candidate: LatencySketch, stable: LatencySketch
) -> LimitCheck:
    ours, theirs = candidate.quantile(0.95) or 0.0, stable.quantile(0.95) or 0.0
    limit = terms.hard_p95_ratio * theirs
    verdict = Verdict.WORSE if ours > limit else Verdict.NOT_WORSE
    if min(candidate.total, stable.total) < max(terms.hard_p95_requests, 1):
        verdict = Verdict.UNKNOWN
    return LimitCheck(metric, verdict, limit, ours, theirs, candidate.total)
