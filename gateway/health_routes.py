"""/healthz, /readyz, /metrics: what orchestrators, the UI and Prometheus ask."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST

from gateway.control_plane.api_key import Scope
from gateway.dependencies import Metrics, Servers, require
from gateway.openapi_errors import refusals
from gateway.schemas import Readiness

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Is the gateway alive?")
async def healthz() -> dict[str, str]:
    """Say that this process answers; it says nothing of Triton."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    summary="Do golden inputs get their golden answers?",
    responses={503: {"model": Readiness}},
)
async def readyz(servers: Servers, response: Response) -> Readiness:
    """200 while the supervisor's canaries are right, else 503 with since and reason."""
    verdict = servers.verdict()
    response.status_code = 200 if verdict.is_ready else 503
    return Readiness(ready=verdict.is_ready, since=verdict.since, reason=verdict.reason)


@router.get(
    "/metrics",
    summary="Prometheus metrics; the key needs the scope metrics",
    dependencies=[Depends(require(Scope.METRICS))],
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **refusals(401, 403, unusual={403: "scope_missing"}),
    },
)
async def metrics(servers: Servers, metrics: Metrics) -> Response:
    """Expose this gateway's own metrics."""
    metrics.is_ready.set(servers.verdict().is_ready)
    return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)
