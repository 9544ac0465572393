"""What a rollout does next, from what was counted: waits, goes on, promotes, or rolls back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gateway.rollouts.checks import (
    Check,
    LatencyThresholds,
    LimitCheck,
    Metric,
    RateCheck,
    StepEvidence,
    Verdict,
    all_checks,
)
from gateway.rollouts.confidence import Count
from gateway.rollouts.latency_sketch import LatencySketch
from gateway.rollouts.terms import RolloutTerms

__all__ = [
    "Action",
    "Check",
    "Decision",
    "LatencyThresholds",
    "LimitCheck",
    "Metric",
    "RateCheck",
    "RolloutTerms",
    "StepEvidence",
    "Verdict",
    "decide",
    "latency_thresholds",
]


class Action(StrEnum):
    """What is to be done now."""

    WAIT = "wait"  # this step goes on
    ADVANCE = "advance"  # the next step's weight is set
    PROMOTE = "promote"  # the next step is 100: the candidate is the new stable
    ROLL_BACK = "roll_back"  # all traffic goes to stable, and the rollout ends


@dataclass(frozen=True)
class Decision:
    """What is to be done, and why."""

    action: Action
    sentence: str
    """For people."""
    checks: tuple[Check, ...]
    next_percent: int | None = None
    """The candidate's share from now on; None where it stays what it is."""

    def to_json(self) -> dict[str, Any]:
        """Plain values, all numbers with them: what is recorded of a decision."""
        return {
            "action": self.action.value,
            "sentence": self.sentence,
            "next_percent": self.next_percent,
            "checks": [check.to_json() for check in self.checks],
        }


def latency_thresholds(before: Sequence[StepEvidence]) -> LatencyThresholds | None:
    """The thresholds of a step that begins now, from stable's answers in the steps before.

    They are fixed before the data that they judge, and lie on borders of the sketch's buckets, so
    that answers above them are counted exactly. None where stable has answered nothing.
    """
    latency = sum((step.stable.latency for step in before), LatencySketch())
    median_ms, p95_ms = latency.border(0.5), latency.border(0.95)
    if median_ms is None or p95_ms is None:
        return None
    return LatencyThresholds(median_ms, p95_ms)


def decide(
    terms: RolloutTerms, evidence: Sequence[StepEvidence], elapsed_seconds: float
) -> Decision:
    """Look at everything; as often as one likes, for all tests hold at every look.

    Args:
        terms: What the operator asked for.
        evidence: The baseline (percent 0), then each step that has begun, the current one last.
        elapsed_seconds: How long the current step has run.

    Raises:
        ValueError: the steps are not those of the terms.
    """
    expected = (0, *terms.steps[:-1])[: len(evidence)]
    if not evidence or tuple(step.percent for step in evidence) != expected:
        raise ValueError(f"the evidence is not of the baseline and the steps {terms.steps}")
    checks = all_checks(terms, evidence)
    worse = [check for check in checks if check.verdict is Verdict.WORSE]
    if worse:
        sentence = "Rolled back: " + "; ".join(map(_told, worse)) + "."
        return Decision(Action.ROLL_BACK, sentence, checks, next_percent=0)
    now = f"Step {evidence[-1].percent} %" if evidence[-1].percent else "Baseline"
    missing = _missing(terms, evidence[-1], elapsed_seconds)
    if missing:
        return Decision(Action.WAIT, f"{now}: waits for {', '.join(missing)}.", checks)
    following = terms.steps[len(evidence) - 1]
    if following == 100:
        return Decision(Action.PROMOTE, f"{now} is passed: promoted.", checks, following)
    return Decision(Action.ADVANCE, f"{now} is passed: on to {following} %.", checks, following)


def _missing(terms: RolloutTerms, now: StepEvidence, elapsed_seconds: float) -> list[str]:
    """What the current step still needs, in words."""
    counts = [
        ("requests to stable", now.stable.latency.total, max(terms.min_requests, 1)),
        ("mirrored pairs", now.pairs.pairs, terms.min_pairs),
    ]
    if now.percent:
        counts.append(("requests to the candidate", now.candidate.requests, terms.min_requests))
    missing = [f"{what} ({count} of {least})" for what, count, least in counts if count < least]
    if elapsed_seconds < terms.step_seconds:
        missing.append(f"time ({elapsed_seconds:.0f} of {terms.step_seconds:.0f} s)")
    return missing


def _told(check: Check) -> str:
    """One reason, in words."""
    if isinstance(check, LimitCheck):
        return _limit_told(check)
    found, margin = _share(check.candidate), f"{check.tolerated:.1%}"
    if check.stable is None:
        return f"{found} mirrored items got another label, tolerated are {margin}"
    against = _share(check.stable)
    if check.metric is Metric.FAILURES:
        return f"{found} requests failed, of stable's {against}, tolerated are {margin} more"
    which = "median" if check.metric is Metric.MEDIAN_LATENCY else "p95"
    return (
        f"{found} answers took more than {margin} longer than stable's {which} before, "
        f"of stable's {against} took longer than that"
    )


def _share(count: Count) -> str:
    return f"{count.hits} of {count.of} ({count.rate:.1%})"


def _limit_told(check: LimitCheck) -> str:
    if check.metric is Metric.HARD_FAILURES:
        return (
            f"{check.candidate:.1%} of {check.of} requests failed, the limit is {check.limit:.1%}"
        )
    return (
        f"the p95 of {check.of} answers is {check.candidate:.1f} ms, "
        f"stable's {check.stable:.1f} ms, the limit is {check.limit:.1f} ms"
    )
