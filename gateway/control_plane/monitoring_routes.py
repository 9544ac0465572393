"""/v1/admin/monitoring: the last hour of every step, from supervisors, and of this gateway."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from gateway.control_plane.api_key import Scope
from gateway.control_plane.supervisor_observations import StepSamples
from gateway.dependencies import Observations, Samples, require
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


class Latencies(BaseModel):
    """How many took how long.

    Bucket i: more milliseconds than bucket_ratio to the power of i - 1, at most that to the i.
    """

    first: int
    """The first bucket that holds something."""
    counts: list[int]


class TrafficRow(BaseModel):
    """Requests of one kind in one interval."""

    alias: str
    """Empty of requests that were refused before it was known."""
    release: str
    outcome: str
    requests: int
    queue_ms: float
    """Waited for their turn, all together."""
    latency: Latencies


class WorkerSample(BaseModel):
    """What one worker did in one interval; those of the same `time` add up."""

    time: str
    """When the interval ended."""
    worker: int
    """Its process id."""
    cpu_seconds: float
    rss_bytes: int
    waiting: dict[str, int]
    """By release: calls that waited for their turn at that moment."""
    in_flight: dict[str, int]
    """By release: calls that were on their way to Triton."""
    traffic: list[TrafficRow]


class GatewayMonitoring(BaseModel):
    """The last hour of this gateway."""

    interval_seconds: int
    bucket_ratio: float
    samples: list[WorkerSample]


_RESPONSES: Final[Responses] = {
    200: {"model": Monitoring},
    **refusals(400, 401, 403, 503, unusual={403: "scope_missing", 503: "inference_unavailable"}),
}


_Seconds = Annotated[int, Query(ge=1, le=3600, description="How far back.")]
_Since = Annotated[
    str | None,
    Query(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
        max_length=24,
        description="The `time` of a sample: only later ones.",
        examples=["2026-01-31T12:00:00.000Z"],
    ),
]


@router.get("", responses=_RESPONSES, summary="Per-step samples of the last hour")
async def show_monitoring(
    observations: Observations, seconds: _Seconds = 3600, since: _Since = None
) -> Response:
    """Requests, items, executions, queue and compute time and failures of each step, per 5 s.

    And CPU and memory of each process, and of GPUs.
    """
    told = await observations.samples(seconds, since)
    # What follows the brace, behind a name of ours.
    servers = (b'{"name":"%s",%s' % (name.encode(), it[1:]) for name, it in told.items())
    body = b'{"servers":[' + b",".join(servers) + b"]}"
    return Response(body, media_type="application/json")


@router.get(
    "/gateway",
    responses={
        200: {"model": GatewayMonitoring},
        **refusals(400, 401, 403, unusual={403: "scope_missing"}),
    },
    summary="Traffic of the last hour",
)
async def show_traffic(
    samples: Samples, seconds: _Seconds = 3600, since: _Since = None
) -> Response:
    """Requests by alias, release and outcome, latencies, who waited, CPU and memory, per 5 s."""
    body = await samples.to_json(seconds=seconds, since=since or "")
    return Response(body, media_type="application/json")
