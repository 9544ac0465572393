"""A rollout as it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from gateway.control_plane.rollouts.rollout import Rollout, RolloutStep
from gateway.control_plane.rollouts.rollout_schemas import (
    ArmFigures,
    PairFigures,
    RolloutDescription,
    RolloutDetails,
    StepDescription,
)
from gateway.rollouts.checks import StepEvidence, all_checks
from gateway.rollouts.totals import ArmTotals


def description_of(rollout: Rollout) -> RolloutDescription:
    """Where it stands."""
    return RolloutDescription(**_fields(rollout))


def details_of(
    rollout: Rollout,
    steps: Sequence[RolloutStep],
    evidence: Sequence[StepEvidence],
    decisions: Sequence[dict[str, Any]],
) -> RolloutDetails:
    """The same, with what was counted in each step, how the checks stand, what was decided."""
    told = [_step(step, seen) for step, seen in zip(steps, evidence, strict=True)]
    return RolloutDetails(
        **_fields(rollout),
        steps=told,
        checks=_checks(rollout, evidence),
        decisions=list(decisions),
    )


def _checks(rollout: Rollout, evidence: Sequence[StepEvidence]) -> list[dict[str, Any]]:
    """As the driver would find them at a look now."""
    measured = evidence[: rollout.terms.periods]  # the last step is the promotion
    if not measured:
        return []
    return [check.to_json() for check in all_checks(rollout.terms, measured)]


def _fields(rollout: Rollout) -> dict[str, Any]:
    return {
        "id": rollout.id,
        "alias": rollout.alias,
        "stable": rollout.stable,
        "candidate": rollout.candidate,
        "state": rollout.state,
        "sentence": rollout.sentence,
        "step": rollout.step,
        "percent": rollout.percent,
        "elapsed_seconds": rollout.elapsed_seconds,
        "created_at": rollout.created_at,
        "changed_at": rollout.changed_at,
        "by": rollout.begun.deed.actor.name,
        "reason": rollout.begun.deed.reason,
        "terms": asdict(rollout.terms),
    }


def _step(step: RolloutStep, seen: StepEvidence) -> StepDescription:
    names = PairFigures.model_fields
    return StepDescription(
        step=step.step,
        percent=seen.percent,
        revision=step.revision,
        candidate=_figures(seen.candidate),
        stable=_figures(seen.stable),
        pairs=PairFigures(**{name: getattr(seen.pairs, name) for name in names}),
    )


def _figures(arm: ArmTotals) -> ArmFigures:
    return ArmFigures(
        requests=arm.requests,
        failures=arm.failures,
        p50_ms=arm.latency.quantile(0.5),
        p95_ms=arm.latency.quantile(0.95),
    )
