"""What was counted in each step of a rollout."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.control_plane.experiments.totals_store import Counted, TotalsStore
from gateway.control_plane.rollouts.rollout import Rollout, RolloutStep
from gateway.rollouts.checks import StepEvidence
from gateway.rollouts.totals import ArmTotals, PairTotals


async def gather_evidence(
    totals: TotalsStore, rollout: Rollout, steps: Sequence[RolloutStep]
) -> list[StepEvidence]:
    """Add up what all gateways have counted.

    Raises:
        DatabaseUnavailable: the database does not answer.
    """
    revisions = [step.revision for step in steps]
    arms = await totals.arms(rollout.alias, revisions)
    pairs = await totals.pairs(rollout.alias, revisions)

    def of(step: RolloutStep) -> StepEvidence:
        candidate = Counted(rollout.alias, step.revision, rollout.candidate)
        return StepEvidence(
            percent=rollout.percent_of(step.step),
            candidate=arms.get(candidate, ArmTotals()),
            stable=arms.get(candidate._replace(release=rollout.stable), ArmTotals()),
            pairs=pairs.get(candidate, PairTotals()),
            thresholds=step.thresholds,
        )

    return [of(step) for step in steps]
