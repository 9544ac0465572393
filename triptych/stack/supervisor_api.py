"""The supervisor's own HTTP: health, releases and their load, traces, samples. Loopback only."""

from __future__ import annotations

from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from triptych.errors import (
    CallFailed,
    LoadRefused,
    NotRunning,
    ReleaseBroken,
    ReleaseNameInvalid,
    TriptychError,
)
from triptych.routing import ReleaseName
from triptych.stack.observations import Observations
from triptych.stack.supervisor import Supervisor

HTTP_STATUS: Final[dict[type[TriptychError], int]] = {
    ReleaseNameInvalid: 404,
    ReleaseBroken: 409,
    CallFailed: 409,
    LoadRefused: 409,
    NotRunning: 503,
}


def create_supervisor_api(supervisor: Supervisor, observed: Observations) -> Starlette:
    """Build the application around a running supervisor and what it remembers of its Triton."""

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

    async def load(request: Request) -> JSONResponse:
        try:
            loaded = await run_in_threadpool(_load, supervisor, request.path_params["release"])
        except tuple(HTTP_STATUS) as exc:
            return JSONResponse({"error": str(exc)}, status_code=HTTP_STATUS[type(exc)])
        return JSONResponse(loaded)

    return Starlette(
        routes=[
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/status", status),
            Route("/releases", releases),
            Route("/releases/{release}/load", load, methods=["POST"]),
            *observed.routes(),
        ]
    )


def _load(supervisor: Supervisor, text: str) -> dict[str, object]:
    name = ReleaseName.parse(text)
    if name is None:
        raise ReleaseNameInvalid(f"{text!r} is no release name; one looks like digits_r1.")
    return supervisor.load(name).to_json()
