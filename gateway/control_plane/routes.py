"""/v1/routes: which release an alias means now."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from gateway.control_plane.keys import Scope
from gateway.dependencies import Health, require
from gateway.errors import UnknownAlias
from gateway.schemas import Arm, RouteDescription, RouteList

router = APIRouter(
    prefix="/v1/routes", tags=["routes"], dependencies=[Depends(require(Scope.PREDICT))]
)


def _describe(alias: str, health: Health) -> RouteDescription:
    release = health.routes()[alias]
    report = health.report(release)
    return RouteDescription(
        alias=alias,
        task=report.task,
        max_batch_size=report.max_batch_size,
        top_k=report.top_k,
        arms=[Arm(release=str(release), weight=100)],
    )


@router.get("", summary="Every alias and the release behind it")
async def list_routes(health: Health) -> RouteList:
    """List the aliases that this gateway answers for."""
    return RouteList(routes=[_describe(alias, health) for alias in sorted(health.routes())])


@router.get("/{alias}", summary="One alias and the release behind it")
async def show_route(alias: str, health: Health) -> RouteDescription:
    """Show what one alias means now; direct gRPC clients ask this."""
    if alias not in health.routes():
        raise UnknownAlias(f"there is no alias {alias!r}; GET /v1/routes lists them")
    return _describe(alias, health)
