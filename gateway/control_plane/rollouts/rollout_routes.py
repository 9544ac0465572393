"""/v1/admin/rollouts: automatic rollouts."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query

from gateway.control_plane.admin_body import described
from gateway.control_plane.admin_desk import AdminDesk, Desk
from gateway.control_plane.api_key import Scope
from gateway.control_plane.audit import Deed
from gateway.control_plane.rollouts.rollout import Rollout
from gateway.control_plane.rollouts.rollout_evidence import gather_evidence
from gateway.control_plane.rollouts.rollout_schemas import (
    NewRollout,
    RolloutDescription,
    RolloutDetails,
    RolloutList,
    Why,
)
from gateway.control_plane.rollouts.rollout_texts import description_of, details_of
from gateway.data_plane.routing.route_book import unknown_alias
from gateway.dependencies import Control, require
from gateway.openapi_errors import Responses, refusals

_UNUSUAL: Final[dict[int | str, str]] = {
    403: "scope_missing",
    404: "unknown_rollout",
    409: "rollout_conflict",
    503: "database_unavailable",
}


def _refusals(*statuses: int) -> Responses:
    return refusals(*statuses, unusual=_UNUSUAL)


router = APIRouter(
    prefix="/v1/admin/rollouts",
    tags=["rollouts"],
    dependencies=[Depends(require(Scope.ADMIN))],
    responses=_refusals(401, 403, 503),
)
_WITH_BODY: Final = (400, 404, 408, 409, 413, 415)
_NEW: Final = {"alias": "digits", "to": "digits_r2", "steps": [1, 5, 25, 50, 100]}
RolloutId = Annotated[str, Path(max_length=16, examples=["4f6c2a9b1d0e"])]


@router.post(
    "",
    status_code=201,
    openapi_extra=described(NewRollout, example=_NEW),
    responses=_refusals(*_WITH_BODY),
    summary="Raise a release's share step by step, as long as it is not worse",
)
async def start(desk: Desk, control: Control) -> RolloutDescription:
    """Begin; a worker loads the candidate, mirrors to it, raises its share, or rolls back."""
    body = await desk.read(NewRollout)
    terms = body.to_terms()
    route = await control.routes.current(body.alias) or desk.book.unset(body.alias)
    if route is None:
        raise unknown_alias(body.alias)
    deed = desk.deed("rollout.start", body.alias, body.reason, candidate=body.to)
    return description_of(await control.rollout_orders.start(deed, body.to, terms, route))


@router.get("", responses=_refusals(400), summary="Rollouts, newest first")
async def list_rollouts(
    control: Control,
    alias: Annotated[str | None, Query(max_length=63)] = None,
    live: Annotated[bool | None, Query(description="Only those that have not ended.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> RolloutList:
    """Of all aliases, or of one."""
    found = await control.rollouts.latest(limit, alias=alias, is_live=live)
    return RolloutList(rollouts=[description_of(it) for it in found])


@router.get(
    "/{rollout_id}", responses=_refusals(400, 404), summary="One rollout, its steps and decisions"
)
async def show(
    rollout_id: RolloutId, control: Control, limit: Annotated[int, Query(ge=0, le=500)] = 20
) -> RolloutDetails:
    """With what was counted in each step; `limit` is of the decisions."""
    rollout = await control.rollouts.get(rollout_id)
    steps = await control.rollouts.steps(rollout.id)
    evidence = await gather_evidence(control.totals, rollout, steps)
    decisions = await control.rollouts.decisions(rollout.id, limit)
    return details_of(rollout, steps, evidence, decisions)


_BODY: Final = described(Why, example={"reason": "the office is empty"}, is_required=False)


@router.post(
    "/{rollout_id}/pause",
    openapi_extra=_BODY,
    responses=_refusals(*_WITH_BODY),
    summary="Let weights and time stand still; what is bad enough still rolls back",
)
async def pause(rollout_id: RolloutId, desk: Desk, control: Control) -> RolloutDescription:
    """Stay at this step."""
    rollout, deed = await _asked(rollout_id, "rollout.pause", desk, control)
    return description_of(await control.rollout_orders.pause(rollout.id, deed))


@router.post(
    "/{rollout_id}/resume",
    openapi_extra=_BODY,
    responses=_refusals(*_WITH_BODY),
    summary="Go on with a paused rollout",
)
async def resume(rollout_id: RolloutId, desk: Desk, control: Control) -> RolloutDescription:
    """Go on where it was paused."""
    rollout, deed = await _asked(rollout_id, "rollout.resume", desk, control)
    return description_of(await control.rollout_orders.resume(rollout.id, deed))


@router.post(
    "/{rollout_id}/abort",
    openapi_extra=_BODY,
    responses=_refusals(*_WITH_BODY),
    summary="Bring back the route as it was before the rollout, at once",
)
async def abort(rollout_id: RolloutId, desk: Desk, control: Control) -> RolloutDescription:
    """End it; every gateway follows within a second."""
    rollout, deed = await _asked(rollout_id, "rollout.abort", desk, control)
    return description_of(await control.rollout_orders.abort(rollout.id, deed))


async def _asked(
    rollout_id: str, action: str, desk: AdminDesk, control: Control
) -> tuple[Rollout, Deed]:
    body = await desk.read(Why, empty=b"{}")
    rollout = await control.rollouts.get(rollout_id)
    return rollout, desk.deed(action, rollout.alias, body.reason, rollout=rollout.id)
