"""PUT, promote and rollback of /v1/routes/{alias}: in force on every gateway within a second."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request, Response

from gateway.control_plane.admin_body import described
from gateway.control_plane.admin_desk import Desk
from gateway.control_plane.control_errors import PreconditionRequired, RouteChanged
from gateway.control_plane.routing.route_rules import (
    check_ready_somewhere,
    check_route,
    is_served,
    promoted,
)
from gateway.control_plane.routing.route_schemas import (
    NewRoute,
    Promotion,
    Rollback,
    RouteDescription,
)
from gateway.control_plane.routing.route_texts import description_of, etag_of
from gateway.data_plane.routing.route_book import unknown_alias
from gateway.openapi_errors import Responses, refusals
from triptych.routing import Route

router = APIRouter(prefix="/v1/routes", tags=["routes"])

_NEW: Final = {
    "arms": [{"release": "digits_r1", "weight": 95}, {"release": "digits_r2", "weight": 5}],
    "reason": "a first look",
}
_BETTER: Final = {"reason": "better by all means"}
_WORSE: Final = {"reason": "wrong labels"}


def _refusals(*statuses: int, conflict: str) -> Responses:
    unusual: dict[int | str, str] = {
        400: "route_refused",
        403: "scope_missing",
        409: conflict,
        503: "inference_unavailable",
    }
    return refusals(400, 401, 403, 408, 409, 413, 415, 503, *statuses, unusual=unusual)


@router.put(
    "/{alias}",
    response_model=RouteDescription,
    openapi_extra=described(NewRoute, example=_NEW),
    responses=_refusals(412, 428, conflict="release_not_ready"),
    summary="Let an alias mean something else",
)
async def set_route(alias: str, request: Request, response: Response, desk: Desk) -> dict[str, Any]:
    """Set arms, shadow and stickiness; every release that is named must be loaded everywhere."""
    expected = request.headers.get("if-match")
    if expected is None:
        raise PreconditionRequired("send If-Match with the ETag of the route, or * to overwrite it")
    body = await desk.read(NewRoute)
    wanted = body.to_route(alias)
    await desk.fleet.hear()
    check_route(wanted, desk.fleet)

    def revise(before: Route | None) -> Route:
        if expected.strip() != "*":
            now = etag_of(description_of(before, desk.book)) if before else None
            if now != expected.strip():
                raise RouteChanged(f"the route {alias!r} is not what If-Match says any more")
        return wanted

    deed = desk.deed("route.set", alias, body.reason)
    route = await desk.routes.change(revise, deed, unset=desk.book.unset(alias))
    return _told(route, response, desk)


@router.post(
    "/{alias}/promote",
    response_model=RouteDescription,
    openapi_extra=described(Promotion, example=_BETTER, is_required=False),
    responses=_refusals(404, 412, conflict="release_not_ready"),
    summary="Give all traffic to one release",
)
async def promote(alias: str, response: Response, desk: Desk) -> dict[str, Any]:
    """Give everything to the release that is not the heaviest arm, or to the one named."""
    body = await desk.read(Promotion, empty=b"{}")
    await desk.fleet.hear()

    def revise(before: Route | None) -> Route:
        if before is None:
            raise unknown_alias(alias)
        _check_seen(alias, before.revision, body.revision)
        after = promoted(before, body.release)
        check_route(after, desk.fleet)
        return after

    deed = desk.deed("route.promote", alias, body.reason)
    route = await desk.routes.change(revise, deed, unset=desk.book.unset(alias))
    return _told(route, response, desk)


@router.post(
    "/{alias}/rollback",
    response_model=RouteDescription,
    openapi_extra=described(Rollback, example=_WORSE, is_required=False),
    responses=_refusals(404, 412, conflict="nothing_to_roll_back"),
    summary="Bring back what the alias meant before",
)
async def roll_back(alias: str, response: Response, desk: Desk) -> dict[str, Any]:
    """Undo the last change, or all steps of a rollout; again, and the one before is undone."""
    body = await desk.read(Rollback, empty=b"{}")

    def check(route: Route) -> None:
        _check_seen(alias, route.revision - 1, body.revision)
        # Some Triton that is right is enough: whoever rolls back has worse to fear than a slow one.
        # Where what the route names now serves nobody, it may be what keeps the rest from starting.
        if not is_served(desk.book.route(alias), desk.fleet):
            return
        for arm in route.arms:
            if arm.weight:
                check_ready_somewhere(arm.release, desk.fleet)

    route = await desk.routes.roll_back(desk.deed("route.rollback", alias, body.reason), check)
    return _told(route, response, desk)


def _check_seen(alias: str, now: int, seen: int | None) -> None:
    if seen is not None and seen != now:
        raise RouteChanged(f"the route {alias!r} is at revision {now}, not {seen} any more")


def _told(route: Route, response: Response, desk: Desk) -> dict[str, Any]:
    told = description_of(route, desk.book)
    response.headers["ETag"] = etag_of(told)
    return told
