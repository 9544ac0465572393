"""The questions that a rollout asks at every look, each with the numbers of its answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

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

_METRICS: Final = 4
"""Failures, latency at the median and in the tail, agreement: each gets a quarter of alpha."""
_MOST_EVIDENCE: Final = 1e12  # more says nothing more, and infinity is no JSON


class Metric(StrEnum):
    """What is compared."""

    FAILURES = "failures"
    MEDIAN_LATENCY = "median_latency"  # the share of answers above stable's median before
    TAIL_LATENCY = "tail_latency"  # the same for its p95
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
class LatencyThresholds:
    """What stable's answers took in the steps before, in ms, on borders of a sketch's buckets."""

    median_ms: float
    p95_ms: float

    def of(self, metric: Metric) -> float:
        """The one that a metric is about."""
        return self.median_ms if metric is Metric.MEDIAN_LATENCY else self.p95_ms


@dataclass(frozen=True)
class StepEvidence:
    """What was counted in one step."""

    percent: int
    """The candidate's share of the traffic; 0 is the baseline, when it is only mirrored to."""
    candidate: ArmTotals = field(default_factory=ArmTotals)
    stable: ArmTotals = field(default_factory=ArmTotals)
    pairs: PairTotals = field(default_factory=PairTotals)
    thresholds: LatencyThresholds | None = None
    """`latency_thresholds` of the steps before, fixed as this one began; None in the baseline."""


@dataclass(frozen=True, slots=True)
class RateCheck:
    """A comparison of rates, over the whole rollout.

    Args:
        metric: What is compared.
        verdict: WORSE once the evidence is what is needed.
        tolerated: For failures the excess over stable's rate, for agreement the rate, for latency
            by how much the threshold was raised for the candidate. All are shares, 0 to 1.
        candidate: So many of so many.
        stable: The same; None where a limit is all there is.
        evidence: How many times better "worse" explains the counts than any "not worse" does.
        needed: How much of that rolls back.
    """

    metric: Metric
    verdict: Verdict
    tolerated: float
    candidate: Count
    stable: Count | None
    evidence: float
    needed: float

    def to_json(self) -> dict[str, Any]:
        """Plain values, with limits of the rates that hold at all looks at once."""
        return {
            "metric": self.metric.value,
            "verdict": self.verdict.value,
            "tolerated": self.tolerated,
            "candidate": self._with_limits(self.candidate),
            "stable": self.stable and self._with_limits(self.stable),
            "evidence": self.evidence,
            "needed": self.needed,
        }

    def _with_limits(self, count: Count) -> dict[str, float]:
        limits = rate_interval(count, 1 / self.needed)
        return {**asdict(count), "rate": count.rate, **asdict(limits)}


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

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


Check = RateCheck | LimitCheck


def all_checks(terms: RolloutTerms, evidence: Sequence[StepEvidence]) -> tuple[Check, ...]:
    """Ask everything.

    Args:
        terms: What is tolerated.
        evidence: Every step so far, the current one last; at least one.
    """
    now = evidence[-1]
    pairs = now.pairs
    return (
        _fewer_failures(terms, evidence),
        _faster(terms, Metric.MEDIAN_LATENCY, evidence),
        _faster(terms, Metric.TAIL_LATENCY, evidence),
        _agreement(terms, [step.pairs for step in evidence]),
        _hard_failures(terms, _failures(now)),
        _hard_p95(terms, Metric.HARD_LATENCY, now.candidate.latency, now.stable.latency),
        _hard_p95(
            terms, Metric.HARD_LATENCY_OF_PAIRS, pairs.candidate_latency, pairs.serving_latency
        ),
    )


def _failures(step: StepEvidence) -> Stratum:
    """Mirrored items count for the candidate: nobody was harmed, but they failed."""
    pairs = Count(step.pairs.candidate_failures, step.pairs.pairs)
    return Stratum(
        Count(step.candidate.failures, step.candidate.requests) + pairs,
        Count(step.stable.failures, step.stable.requests),
    )


def _slow_answers(step: StepEvidence, threshold_ms: float, margin: float) -> Stratum:
    """Mirrored items do not count: they are sent at another moment, and nobody waits.

    If the candidate takes at most 1 + margin times as long, its share above the raised threshold is
    at most stable's share above the plain one, whatever the distribution.
    """
    candidate, stable = step.candidate.latency, step.stable.latency
    return Stratum(
        Count(candidate.count_above(threshold_ms * (1 + margin)), candidate.total),
        Count(stable.count_above(threshold_ms), stable.total),
    )


def _fewer_failures(terms: RolloutTerms, evidence: Sequence[StepEvidence]) -> RateCheck:
    strata = [_failures(step) for step in evidence]
    found = log_evidence_worse(strata, terms.error_margin, terms.periods)
    return _compared(terms, Metric.FAILURES, terms.error_margin, strata, found)


def _faster(terms: RolloutTerms, metric: Metric, evidence: Sequence[StepEvidence]) -> RateCheck:
    margin = terms.latency_margin
    strata = [
        _slow_answers(step, step.thresholds.of(metric), margin)
        for step in evidence
        if step.thresholds is not None
    ]
    found = log_evidence_worse(strata, 0.0, terms.periods)
    return _compared(terms, metric, margin, strata, found)


def _compared(
    terms: RolloutTerms,
    metric: Metric,
    tolerated: float,
    strata: Sequence[Stratum],
    log_evidence: float,
) -> RateCheck:
    candidate = sum((stratum.candidate for stratum in strata), Count())
    stable = sum((stratum.stable for stratum in strata), Count())
    return _rate_check(
        terms.alpha / _METRICS,
        metric,
        tolerated,
        candidate=candidate,
        stable=stable,
        log_evidence=log_evidence if candidate.of and stable.of else None,
    )


def _agreement(terms: RolloutTerms, steps: Sequence[PairTotals]) -> RateCheck:
    """Of the items that the serving arm did not fail: its failures are not the candidate's."""
    of = sum(pairs.pairs - pairs.serving_failures for pairs in steps)
    disagreed = Count(of - sum(pairs.top1_agreed for pairs in steps), of)
    found = log_evidence_above(disagreed, terms.disagreement_limit) if of else None
    return _rate_check(
        terms.alpha / _METRICS,
        Metric.AGREEMENT,
        terms.disagreement_limit,
        candidate=disagreed,
        stable=None,
        log_evidence=found,
    )


def _rate_check(
    alpha: float,
    metric: Metric,
    tolerated: float,
    *,
    candidate: Count,
    stable: Count | None,
    log_evidence: float | None,
) -> RateCheck:
    verdict = Verdict.UNKNOWN
    if log_evidence is not None:
        verdict = Verdict.WORSE if log_evidence >= -math.log(alpha) else Verdict.NOT_WORSE
    return RateCheck(
        metric=metric,
        verdict=verdict,
        tolerated=tolerated,
        candidate=candidate,
        stable=stable,
        evidence=math.exp(min(log_evidence or 0.0, math.log(_MOST_EVIDENCE))),
        needed=1 / alpha,
    )


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
