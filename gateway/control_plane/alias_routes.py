"""/v1/routes: which release an alias means now."""

from __future__ import annotations

from fastapi import APIRouter

from gateway.data_plane.release_choice import unknown_alias
from gateway.dependencies import PredictKey, Servers, check_may_use
from gateway.openapi_errors import refusals
from gateway.schemas import Arm, RouteDescription, RouteList

router = APIRouter(prefix="/v1/routes", tags=["routes"])


def _describe(alias: str, servers: Servers) -> RouteDescription:
    target = servers.targets()[alias]
    return RouteDescription(
        alias=alias,
        task=target.task,
        max_batch_size=target.max_batch_size,
        top_k=target.top_k,
        arms=[Arm(release=target.release, weight=100)],
    )


@router.get(
    "",
    responses=refusals(401, 403, unusual={403: "scope_missing"}),
    summary="Every alias that the key may use, and the release behind it",
)
async def list_routes(key: PredictKey, servers: Servers) -> RouteList:
    """List the aliases that this gateway answers for."""
    usable = [alias for alias in sorted(servers.routes()) if key.may_use(alias)]
    return RouteList(routes=[_describe(alias, servers) for alias in usable])


@router.get(
    "/{alias}", responses=refusals(401, 403, 404), summary="One alias and the release behind it"
)
async def show_route(alias: str, key: PredictKey, servers: Servers) -> RouteDescription:
    """Show what one alias means now; direct gRPC clients ask this."""
    check_may_use(key, alias)
    if alias not in servers.routes():
        raise unknown_alias(alias)
    return _describe(alias, servers)
