"""The bodies of /v1/admin/rollouts, with examples that OpenAPI shows."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.control_plane.rollouts.rollout import RolloutState
from gateway.control_plane.routing.route_schemas import Reason, ReleaseText
from gateway.errors import InvalidParameter
from gateway.rollouts.terms import RolloutTerms


class NewRollout(BaseModel):
    """What is to be rolled out, and on which terms; defaults are those of docs/releases.md."""

    model_config = ConfigDict(extra="forbid", strict=True)

    alias: Annotated[str, Field(max_length=63, examples=["digits"])]
    to: ReleaseText
    steps: Annotated[list[int], Field(min_length=1, max_length=100)] | None = None
    step_seconds: Annotated[float, Field(le=86400 * 30)] | None = None
    mirror_percent: float | None = None
    min_requests: int | None = None
    min_pairs: int | None = None
    alpha: float | None = None
    error_margin: float | None = None
    latency_margin: float | None = None
    disagreement_limit: float | None = None
    hard_failure_share: float | None = None
    hard_failure_requests: int | None = None
    hard_p95_ratio: float | None = None
    hard_p95_requests: int | None = None
    reason: Reason = ""

    def to_terms(self) -> RolloutTerms:
        """The terms, with defaults where nothing is said.

        Raises:
            InvalidParameter: one of them makes no sense.
        """
        given = self.model_dump(exclude_none=True, exclude={"alias", "to", "reason"})
        if "steps" in given:
            given["steps"] = tuple(given["steps"])
        try:
            return RolloutTerms(**given)
        except ValueError as exc:
            raise InvalidParameter(str(exc)) from exc


class Why(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Reason = ""


class RolloutDescription(BaseModel):
    """One rollout, and where it stands."""

    id: str = Field(examples=["4f6c2a9b1d0e"])
    alias: str
    stable: str = Field(examples=["digits_r1"])
    candidate: str = Field(examples=["digits_r2"])
    state: RolloutState
    sentence: str = Field(description="Why it stands there.")
    step: int = Field(description="0 is the baseline, in which the candidate gets copies alone.")
    percent: int = Field(description="The candidate's share in the last step that began.")
    elapsed_seconds: float = Field(description="How long that step has run, pauses left out.")
    created_at: datetime
    changed_at: datetime
    by: str
    reason: str
    terms: dict[str, Any]


class RolloutList(BaseModel):
    """Rollouts, newest first."""

    rollouts: list[RolloutDescription]


class ArmFigures(BaseModel):
    """What one arm answered in one step."""

    requests: int
    failures: int
    p50_ms: float | None
    p95_ms: float | None


class PairFigures(BaseModel):
    """What became of items that both arms were asked in one step."""

    pairs: int
    top1_agreed: int
    candidate_failures: int
    serving_failures: int
    dropped: int


class StepDescription(BaseModel):
    """A step that has begun."""

    step: int
    percent: int
    revision: int = Field(description="Of the route while it ran.")
    candidate: ArmFigures
    stable: ArmFigures
    pairs: PairFigures


class RolloutDetails(RolloutDescription):
    """One rollout with its steps and decisions."""

    steps: list[StepDescription]
    checks: list[dict[str, Any]] = Field(
        description="Each check with its numbers as they are now; empty before the baseline."
    )
    decisions: list[dict[str, Any]] = Field(
        description="Newest first: action, sentence, and every check with its numbers."
    )
