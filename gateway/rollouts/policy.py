"""What a rollout does next, from what was counted: waits, goes on, promotes, or rolls back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.rollouts.checks import (
    Check,
    LimitCheck,
    Metric,
    RateCheck,
    StepEvidence,
    Verdict,
    all_checks,
)
from gateway.rollouts.latency_sketch import LatencySketch
from gateway.rollouts.terms import RolloutTerms

__all__ = [
    "Action",
    "Check",
    "Decision",
    "LimitCheck",
    "Metric",
    "RateCheck",
    "RolloutTerms",
    "StepEvidence",
    "Verdict",
    "decide",
    "latency_threshold",
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


def latency_threshold(before: Sequence[StepEvidence]) -> float | None:
    """The threshold of a step that begins now: stable's p95 of the steps before, in ms.

    It is fixed before the data that it judges, and lies on a border of the sketch's buckets, so that
    answers above it are counted exactly. None where stable has answered nothing.
    """
    return sum((step.stable.latency for step in before), LatencySketch()).border(0.95)


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
    ours, theirs = check.candidate, check.stable
    found = f"{ours.hits} of {ours.of} ({ours.rate:.1%})"
    if theirs is None:
        return f"{found} mirrored items got another label, tolerated are {check.tolerated:.1%}"
    what = {
        Metric.FAILURES: "requests failed",
        Metric.LATENCY: "answers took longer than stable's p95 before",
    }[check.metric]
    against = f"{theirs.hits} of {theirs.of} ({theirs.rate:.1%})"
    return f"{found} {what}, of stable's {against}, tolerated are {check.tolerated:.1%} more"


def _limit_told(check: LimitCheck) -> str:
    if check.metric is Metric.HARD_FAILURES:
        return (
            f"{check.candidate:.1%} of {check.of} requests failed, the limit is {check.limit:.1%}"
        )
    return (
        f"the p95 of {check.of} answers is {check.candidate:.1f} ms, stable's {check.stable:.1f} ms, "
        f"the limit is {check.limit:.1f} ms"
    )
