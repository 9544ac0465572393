"""The supervisor's own HTTP: health, releases and their load, drain, restart, traces, samples."""

from __future__ import annotations

from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from triptych.errors import (
    CallFailed,
    CallTimedOut,
    LoadRefused,
    NotRunning,
    ReleaseBroken,
    ReleaseNameInvalid,
    RestartUnderWay,
    TriptychError,
)
from triptych.routing import ReleaseName
from triptych.supervisor.access import BearerGate, NoPages
from triptych.supervisor.metrics import SupervisorMetrics
from triptych.supervisor.observations import Observations
from triptych.supervisor.supervisor import Supervisor

HTTP_STATUS: Final[dict[type[TriptychError], int]] = {
    ReleaseNameInvalid: 404,
    ReleaseBroken: 409,
    CallFailed: 409,
    CallTimedOut: 409,
    LoadRefused: 409,
    RestartUnderWay: 409,
    NotRunning: 503,
}


def create_supervisor_api(
    supervisor: Supervisor,
    observed: Observations,
    metrics: SupervisorMetrics | None = None,
    secret: SecretStr | None = None,
) -> Starlette:
    """Build the application around a running supervisor and what it remembers of its Triton."""
    gate = [Middleware(NoPages)]
    if secret:
        gate.append(Middleware(BearerGate, secret=secret))
    counted = metrics or SupervisorMetrics()

    async def exposition(_: Request) -> Response:
        return Response(counted.exposition(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        middleware=gate,
        routes=[
            *_health_routes(supervisor),
            *_control_routes(supervisor),
            Route("/metrics", exposition),
            *observed.routes(),
        ],
    )


def _health_routes(supervisor: Supervisor) -> list[Route]:

    async def livez(_: Request) -> JSONResponse:
        return JSONResponse({"live": True})

    async def readyz(_: Request) -> JSONResponse:
        status = supervisor.status()
        body = {"ready": status.ready, "since": status.since, "reason": status.reason}
        return JSONResponse(body, status_code=200 if status.ready else 503)

    async def status(_: Request) -> JSONResponse:
        return JSONResponse(supervisor.status().to_json())

    async def releases(_: Request) -> JSONResponse:
        return JSONResponse(supervisor.status().to_json()["releases"])

    return [
        Route("/livez", livez),
        Route("/readyz", readyz),
        Route("/status", status),
        Route("/releases", releases),
    ]


def _control_routes(supervisor: Supervisor) -> list[Route]:
    async def load(request: Request) -> JSONResponse:
        try:
            loaded = await run_in_threadpool(_load, supervisor, request.path_params["release"])
        except tuple(HTTP_STATUS) as exc:
            return JSONResponse({"error": str(exc)}, status_code=HTTP_STATUS[type(exc)])
        return JSONResponse(loaded)

    async def drain(_: Request) -> JSONResponse:
        return JSONResponse(supervisor.drain().to_json())

    async def undrain(_: Request) -> JSONResponse:
        return JSONResponse(supervisor.undrain().to_json())

    async def restart(_: Request) -> JSONResponse:
        try:
            return JSONResponse(supervisor.restart().to_json(), status_code=202)
        except RestartUnderWay as exc:
            return JSONResponse({"error": str(exc)}, status_code=HTTP_STATUS[type(exc)])

    return [
        Route("/releases/{release}/load", load, methods=["POST"]),
        Route("/drain", drain, methods=["POST"]),
        Route("/undrain", undrain, methods=["POST"]),
        Route("/restart", restart, methods=["POST"]),
    ]


def _load(supervisor: Supervisor, text: str) -> dict[str, object]:
    name = ReleaseName.parse(text)
    if name is None:
        raise ReleaseNameInvalid(f"{text!r} is no release name; one looks like digits_r1.")
    return supervisor.load(name).to_json()
