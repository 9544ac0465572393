"""/v1/admin/rollouts: start, watch, pause, resume, abort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict
from urllib.parse import quote

from ui.calls.gateway_http import Body, Caller
from ui.calls.readiness import as_moment
from ui.calls.rollout_checks import Check, CheckBody, decode_check

_PATH = "/v1/admin/rollouts"

RUNNING, PAUSED = "running", "paused"
LIVE_STATES = frozenset({"loading", RUNNING, PAUSED})


class RolloutBody(TypedDict):
    """One rollout, and where it stands."""

    id: str
    alias: str
    stable: str
    candidate: str
    state: str
    sentence: str
    percent: int
    created_at: str
    changed_at: str
    by: str
    reason: str


class RolloutsBody(TypedDict):
    """GET /v1/admin/rollouts."""

    rollouts: list[RolloutBody]


class FiguresBody(TypedDict):
    """What one arm answered in one step."""

    requests: int
    failures: int
    p50_ms: float | None
    p95_ms: float | None


class PairsBody(TypedDict):
    """Items that both arms were asked in one step."""

    pairs: int
    top1_agreed: int


class StepBody(TypedDict):
    """A step that has begun."""

    step: int
    percent: int
    revision: int
    candidate: FiguresBody
    stable: FiguresBody
    pairs: PairsBody


class DecisionBody(TypedDict):
    """What was decided when."""

    at: str
    action: str
    sentence: str


class DetailsBody(RolloutBody):
    """GET /v1/admin/rollouts/{id}."""

    steps: list[StepBody]
    checks: list[CheckBody]
    decisions: list[DecisionBody]


@dataclass(frozen=True)
class Rollout:
    """One rollout, and where it stands; `sentence` is the gateway's own on why."""

    id: str
    alias: str
    stable: str
    candidate: str
    state: str
    sentence: str
    percent: int
    created_at: datetime
    changed_at: datetime
    by: str
    reason: str

    @property
    def is_live(self) -> bool:
        """Whether it has not ended."""
        return self.state in LIVE_STATES


@dataclass(frozen=True)
class ArmFigures:
    """What one arm answered in one step."""

    requests: int
    failures: int
    p50_ms: float | None
    p95_ms: float | None


@dataclass(frozen=True)
class Step:
    """A step that has begun; step 0 is the baseline, in which the candidate gets copies alone.

    Attributes:
        revision: Of the route while it ran.
    """

    step: int
    percent: int
    revision: int
    candidate: ArmFigures
    stable: ArmFigures
    pairs: int
    agreed: int


@dataclass(frozen=True)
class RolloutDecision:
    """What was decided, and the gateway's sentence on why."""

    at: datetime
    action: str
    sentence: str


@dataclass(frozen=True)
class RolloutDetails:
    """A rollout with what was counted, how its checks stand, and what was decided, newest first."""

    rollout: Rollout
    steps: tuple[Step, ...]
    checks: tuple[Check, ...]
    decisions: tuple[RolloutDecision, ...]


def list_rollouts(caller: Caller, limit: int) -> tuple[Rollout, ...]:
    """Rollouts of all aliases, newest first.

    Raises:
        GatewayProblem: In one of its forms, when there is no answer.
    """
    return caller.look(_PATH, decode_rollouts, query={"limit": limit}, is_quick=False)


def look_at_rollout(caller: Caller, rollout_id: str) -> RolloutDetails:
    """One rollout with everything; as in `list_rollouts`."""
    return caller.look(_path(rollout_id), decode_details, is_quick=False)


def start_rollout(
    caller: Caller, alias: str, candidate: str, terms: Mapping[str, object], reason: str
) -> None:
    """Raise a release's share step by step, as long as it is not worse.

    Args:
        caller: Whom to ask.
        alias: Whose traffic moves.
        candidate: Who is to get everything.
        terms: By their names in the gateway's API; it has defaults for what is not told.
        reason: For the record.

    Raises:
        GatewayProblem: RequestRefused where it cannot begin, with the reason.
    """
    body = Body.of_json({"alias": alias, "to": candidate, "reason": reason, **terms})
    caller.tell("POST", _PATH, _rollout, body=body)


def change_rollout(caller: Caller, rollout_id: str, what: str, reason: str) -> None:
    """Pause, resume or abort it; `what` ends the path. As in `start_rollout`."""
    body = Body.of_json({"reason": reason})
    caller.tell("POST", f"{_path(rollout_id)}/{what}", _rollout, body=body)


def decode_rollouts(body: RolloutsBody) -> tuple[Rollout, ...]:
    """Decode GET /v1/admin/rollouts."""
    return tuple(_rollout(it) for it in body["rollouts"])


def decode_details(body: DetailsBody) -> RolloutDetails:
    """Decode GET /v1/admin/rollouts/{id}."""
    return RolloutDetails(
        rollout=_rollout(body),
        steps=_steps(body["steps"]),
        checks=tuple(decode_check(it) for it in body["checks"]),
        decisions=tuple(
            RolloutDecision(as_moment(it["at"]), str(it["action"]), str(it["sentence"]))
            for it in body["decisions"]
        ),
    )


def _rollout(body: RolloutBody) -> Rollout:
    return Rollout(
        id=str(body["id"]),
        alias=str(body["alias"]),
        stable=str(body["stable"]),
        candidate=str(body["candidate"]),
        state=str(body["state"]),
        sentence=str(body["sentence"]),
        percent=int(body["percent"]),
        created_at=as_moment(body["created_at"]),
        changed_at=as_moment(body["changed_at"]),
        by=str(body["by"]),
        reason=str(body["reason"]),
    )


def _steps(bodies: Sequence[StepBody]) -> tuple[Step, ...]:
    return tuple(
        Step(
            step=int(it["step"]),
            percent=int(it["percent"]),
            revision=int(it["revision"]),
            candidate=_figures(it["candidate"]),
            stable=_figures(it["stable"]),
            pairs=int(it["pairs"]["pairs"]),
            agreed=int(it["pairs"]["top1_agreed"]),
        )
        for it in bodies
    )


def _figures(body: FiguresBody) -> ArmFigures:
    return ArmFigures(int(body["requests"]), int(body["failures"]), body["p50_ms"], body["p95_ms"])


def _path(rollout_id: str) -> str:
    return f"{_PATH}/{quote(rollout_id, safe='')}"
