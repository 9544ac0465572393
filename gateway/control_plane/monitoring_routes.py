"""/v1/admin/monitoring: the last hour of every step of every release, from the supervisor."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from gateway.control_plane.api_key import Scope
from gateway.control_plane.supervisor_observations import StepSamples
from gateway.dependencies import Observations, require
from gateway.openapi_errors import Responses, refusals

router = APIRouter(
    prefix="/v1/admin/monitoring",
    tags=["monitoring"],
    dependencies=[Depends(require(Scope.ADMIN))],
)


class ServerSamples(StepSamples):
    """One Triton; its address is nobody's business out here."""

    name: str


class Monitoring(BaseModel):
    """Every Triton behind this gateway."""

    servers: list[ServerSamples]


_RESPONSES: Final[Responses] = {
    200: {"model": Monitoring},
    **refusals(400, 401, 403, 503, unusual={403: "scope_missing", 503: "inference_unavailable"}),
}


@router.get("", responses=_RESPONSES, summary="Per-step samples of the last hour")
async def show_monitoring(
    observations: Observations, seconds: Annotated[int, Query(ge=1, le=3600)] = 3600
) -> Response:
    """Requests, items, executions, queue and compute time and failures of each step, per 5 s."""
    told = await observations.samples(seconds)
    # What follows the brace, behind a name of ours.
    servers = (b'{"name":"%s",%s' % (name.encode(), it[1:]) for name, it in told.items())
    body = b'{"servers":[' + b",".join(servers) + b"]}"
    return Response(body, media_type="application/json")
