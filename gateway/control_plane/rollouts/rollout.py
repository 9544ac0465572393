"""A rollout, and what is recorded of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from gateway.control_plane.audit import AuditEntry
from gateway.rollouts.checks import LatencyThresholds
from gateway.rollouts.terms import RolloutTerms
from triptych.routing import Arm, Route, Shadow


class RolloutState(StrEnum):
    """Where a rollout stands."""

    LOADING = "loading"  # every Triton is to have the candidate first
    RUNNING = "running"
    PAUSED = "paused"  # weights and time stand still; what is bad enough still rolls back
    PROMOTED = "promoted"  # the candidate got everything
    ROLLED_BACK = "rolled_back"  # the candidate was worse
    ABORTED = "aborted"  # somebody ended it
    FAILED = "failed"  # the candidate could not be loaded; no traffic was moved
    SUPERSEDED = "superseded"  # somebody changed the route meanwhile, which stays as it is


LIVE: Final = (RolloutState.LOADING, RolloutState.RUNNING, RolloutState.PAUSED)


@dataclass(frozen=True)
class Rollout:
    """One rollout."""

    id: str
    alias: str
    stable: str
    candidate: str
    terms: RolloutTerms
    state: RolloutState
    sentence: str
    """Why it stands there, for people."""
    step: int
    """0 is the baseline."""
    elapsed_seconds: float
    """How long the step has run, pauses left out."""
    created_at: datetime
    changed_at: datetime
    begun: AuditEntry
    """By whom, when and why."""

    @property
    def is_live(self) -> bool:
        """Whether it has not ended."""
        return self.state in LIVE

    @property
    def percent(self) -> int:
        """The candidate's share in the last step that began."""
        return self.percent_of(self.step)

    def percent_of(self, step: int) -> int:
        """The candidate's share in one step."""
        return (0, *self.terms.steps)[step]


@dataclass(frozen=True)
class RolloutStep:
    """A step that has begun."""

    step: int
    revision: int
    """Of the route while it runs: what is counted is found by that."""
    thresholds: LatencyThresholds | None


def terms_json(terms: RolloutTerms) -> str:
    """Write terms down."""
    return json.dumps(asdict(terms))


def read_terms(text: str) -> RolloutTerms:
    """Read what `terms_json` wrote."""
    body: Mapping[str, Any] = json.loads(text)
    return RolloutTerms(**{**body, "steps": tuple(body["steps"])})


def stable_of(route: Route, candidate: str) -> str | None:
    """Say who has all of an alias's traffic; None where a rollout could not begin.

    That is: several share it, it is the candidate, or somebody else is mirrored to.
    """
    served = [arm.release for arm in route.arms if arm.weight]
    if len(served) != 1 or served[0] == candidate:
        return None
    if route.shadow and route.shadow.release != candidate:
        return None
    return served[0]


def split(before: Route, rollout: Rollout, percent: int) -> Route:
    """Give the candidate so many percent; arms without traffic stay, so that all can come back."""
    weights = {rollout.stable: 100 - percent, rollout.candidate: percent}
    arms = [replace(arm, weight=weights.get(arm.release, 0)) for arm in before.arms]
    if rollout.candidate not in {arm.release for arm in arms}:
        arms.append(Arm(rollout.candidate, percent))
    mirrored = rollout.terms.mirror_percent
    shadow = Shadow(rollout.candidate, mirrored) if mirrored else None
    return replace(before, arms=tuple(arms), shadow=shadow)
