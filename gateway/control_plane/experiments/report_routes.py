"""/v1/admin/routes/{alias}/report and /v1/admin/shadows/{alias}: what releases were seen to do."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query, Response

from gateway.control_plane.api_key import Scope
from gateway.control_plane.control_errors import UnknownItem
from gateway.control_plane.experiments.report_schemas import RouteReport, ShadowReport
from gateway.control_plane.experiments.reports import report_on_arms, report_on_shadow
from gateway.dependencies import Control, Routes, require
from gateway.errors import InvalidParameter
from gateway.openapi_errors import refusals
from triptych.routing import Route

_UNUSUAL: Final[dict[int | str, str]] = {403: "scope_missing", 503: "database_unavailable"}
_MOST_REVISIONS: Final = 1000
_EXHIBITS_SHOWN: Final = 50

router = APIRouter(
    prefix="/v1/admin",
    tags=["routes"],
    dependencies=[Depends(require(Scope.ADMIN))],
    responses=refusals(400, 401, 403, 404, 503, unusual=_UNUSUAL),
)

_Revision = Annotated[
    int | None,
    Query(ge=0, le=2**53, description="Only this one; the route's present one by default."),
]
_SinceRevision = Annotated[
    int | None,
    Query(ge=0, le=2**53, description="This one and all after it, 1000 at most."),
]

_Id = Annotated[int, Path(ge=1, le=2**31 - 1, examples=[17])]


@router.get("/routes/{alias}/report", summary="What the arms of a route were seen to do")
async def report_route(
    alias: str,
    control: Control,
    book: Routes,
    revision: _Revision = None,
    since_revision: _SinceRevision = None,
) -> RouteReport:
    """Requests, failures, latency and labels of each arm; a route with one arm is not counted."""
    route = book.route(alias)
    revisions = _revisions(route, revision, since_revision)
    return report_on_arms(route, revisions, await control.totals.arms(alias, revisions))


@router.get("/shadows/{alias}/report", summary="How a shadow compares with whoever answered")
async def report_shadow(
    alias: str,
    control: Control,
    book: Routes,
    *,
    release: Annotated[
        str | None,
        Query(max_length=80, description="The route's present shadow by default."),
    ] = None,
    revision: _Revision = None,
    since_revision: _SinceRevision = None,
) -> ShadowReport:
    """Agreement, failures and latency of mirrored items, and the newest they differ on."""
    route = book.route(alias)
    shadow = release or (route.shadow.release if route.shadow else None)
    if shadow is None:
        raise InvalidParameter(f"the route {alias!r} has no shadow now; name one with ?release=")
    revisions = _revisions(route, revision, since_revision)
    counted = await control.totals.pairs(alias, revisions)
    exhibits = await control.gallery.newest(alias, shadow, revisions, _EXHIBITS_SHOWN)
    return report_on_shadow(alias, shadow, revisions, counted, exhibits)


@router.get(
    "/shadows/{alias}/disagreements/{disagreement_id}/item",
    response_class=Response,
    responses={
        200: {"content": {"application/octet-stream": {}}, "description": "The item's bytes."},
        **refusals(404, unusual={404: "unknown_item"}),
    },
    summary="An item on which a shadow disagreed",
)
async def show_item(alias: str, disagreement_id: _Id, control: Control) -> Response:
    """Give the bytes as the caller sent them; nothing is known of them, so do not trust them."""
    item = await control.gallery.item(alias, disagreement_id)
    if item is None:
        raise UnknownItem(f"no bytes of disagreement {disagreement_id} are kept")
    return Response(
        item,
        media_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="disagreement-{disagreement_id}"'},
    )


def _revisions(route: Route, revision: int | None, since_revision: int | None) -> range:
    """Which revisions are asked for.

    Raises:
        InvalidParameter: both ways were used, or since a revision that is yet to come.
    """
    if since_revision is None:
        only = route.revision if revision is None else revision
        return range(only, only + 1)
    if revision is not None:
        raise InvalidParameter("send revision or since_revision, not both")
    if since_revision > route.revision:
        raise InvalidParameter(f"the route's revision is {route.revision}")
    return range(max(since_revision, route.revision + 1 - _MOST_REVISIONS), route.revision + 1)
