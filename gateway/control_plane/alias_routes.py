"""/v1/routes: what aliases mean now, and what they have meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from gateway.control_plane.api_key import Scope
from gateway.control_plane.routing.route_schemas import (
    RouteChangeDescription,
    RouteDescription,
    RouteHistory,
    RouteList,
)
from gateway.control_plane.routing.route_store import RouteChange
from gateway.control_plane.routing.route_texts import description_of, etag_of
from gateway.dependencies import Control, PredictKey, Routes, check_may_use, require
from gateway.openapi_errors import Responses, refusals

router = APIRouter(prefix="/v1/routes", tags=["routes"])

_UNUSUAL: Final[dict[int | str, str]] = {403: "scope_missing", 503: "inference_unavailable"}
_NOT_CHANGED: Final[Responses] = {304: {"description": "It is as If-None-Match says."}}


def _not_changed(
    request: Request, response: Response, *descriptions: Mapping[str, Any]
) -> Response | None:
    """Set the ETag; an answer without a body where the caller has that state already."""
    etag = etag_of(*descriptions)
    response.headers["ETag"] = etag
    asked = [it.strip() for it in request.headers.get("if-none-match", "").split(",")]
    if etag in asked or "*" in asked:
        return Response(status_code=304, headers={"ETag": etag})
    return None


@router.get(
    "",
    response_model=RouteList,
    responses=_NOT_CHANGED | refusals(401, 403, 503, unusual=_UNUSUAL),
    summary="Every alias that the key may use, and the releases behind it",
)
async def list_routes(
    request: Request, response: Response, key: PredictKey, book: Routes
) -> Response | dict[str, Any]:
    """List the aliases that this gateway answers for."""
    usable = [route for alias, route in sorted(book.routes().items()) if key.may_use(alias)]
    told = [description_of(route, book) for route in usable if book.is_live(route)]
    return _not_changed(request, response, *told) or {"routes": told}


@router.get(
    "/{alias}",
    response_model=RouteDescription,
    responses=_NOT_CHANGED | refusals(401, 403, 404, 503, unusual={503: "inference_unavailable"}),
    summary="One alias and the releases behind it",
)
async def show_route(
    alias: str, request: Request, response: Response, key: PredictKey, book: Routes
) -> Response | dict[str, Any]:
    """Show what one alias means now; direct gRPC clients ask this, with If-None-Match."""
    check_may_use(key, alias)
    told = description_of(book.route(alias), book)
    return _not_changed(request, response, told) or told


@router.get(
    "/{alias}/history",
    dependencies=[Depends(require(Scope.ADMIN))],
    responses=refusals(
        400, 401, 403, 503, unusual={403: "scope_missing", 503: "database_unavailable"}
    ),
    summary="What an alias has meant, and who said so why",
)
async def show_history(
    alias: str,
    control: Control,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: Annotated[
        int | None, Query(ge=1, le=2**53 - 1, description="A revision; for the next page.")
    ] = None,
) -> RouteHistory:
    """Newest first; empty for a route that nobody has ever set."""
    changes = await control.routes.history(alias, limit, before=before)
    return RouteHistory(changes=[_change(it) for it in changes])


def _change(change: RouteChange) -> RouteChangeDescription:
    deed = change.audit.deed
    return RouteChangeDescription(
        **change.route.to_json(),
        revision=change.route.revision,
        at=change.audit.at,
        by=deed.actor.name,
        key_id=deed.actor.key_id,
        action=deed.action,
        reason=deed.reason,
        rollout_id=change.rollout_id,
        rolls_back_to=change.undo_to,
    )
