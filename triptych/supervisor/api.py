"""The supervisor's own HTTP: health, releases, load and unload, drain, restart, traces, samples."""

from __future__ import annotations

from collections.abc import Callable
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
    UnloadRefused,
)
from triptych.routing import ReleaseName
from triptych.supervisor.access import BearerGate, NoPages
from triptych.supervisor.inventory import memory_bytes
from triptych.supervisor.metrics import SupervisorMetrics
from triptych.supervisor.observations import Observations
from triptych.supervisor.status import SupervisorStatus
from triptych.supervisor.supervisor import Supervisor

HTTP_STATUS: Final[dict[type[TriptychError], int]] = {
    ReleaseNameInvalid: 404,
    ReleaseBroken: 409,
    CallFailed: 409,
    CallTimedOut: 409,
    LoadRefused: 409,
    UnloadRefused: 409,
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
            *_release_routes(supervisor),
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

    return [
        Route("/livez", livez),
        Route("/readyz", readyz),
        Route("/status", status),
    ]


def _release_routes(supervisor: Supervisor) -> list[Route]:
    async def answer(work: Callable[[], dict[str, object]]) -> JSONResponse:
        try:
            return JSONResponse(await run_in_threadpool(work))
        except tuple(HTTP_STATUS) as exc:
            return JSONResponse({"error": str(exc)}, status_code=HTTP_STATUS[type(exc)])

    async def releases(_: Request) -> JSONResponse:
        return await answer(lambda: _with_memory(supervisor.status()))

    async def repository(_: Request) -> JSONResponse:
        return await answer(supervisor.shelf.all)

    async def card(request: Request) -> JSONResponse:
        return await answer(
            lambda: supervisor.shelf.card(_release_name(request.path_params["release"]))
        )

    async def load(request: Request) -> JSONResponse:
        name, query = request.path_params["release"], request.query_params
        engine, is_kept = query.get("engine"), query.get("routes_are_kept") == "true"
        return await answer(lambda: _load(supervisor, name, engine, routes_are_kept=is_kept))

    async def unload(request: Request) -> JSONResponse:
        return await answer(lambda: _unload(supervisor, request.path_params["release"]))

    return [
        Route("/releases", releases),
        Route("/releases/{release}", card),
        Route("/repository", repository),
        Route("/releases/{release}/load", load, methods=["POST"]),
        Route("/releases/{release}/unload", unload, methods=["POST"]),
    ]


def _control_routes(supervisor: Supervisor) -> list[Route]:
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
        Route("/drain", drain, methods=["POST"]),
        Route("/undrain", undrain, methods=["POST"]),
        Route("/restart", restart, methods=["POST"]),
    ]


def _with_memory(status: SupervisorStatus) -> dict[str, object]:
    memory = memory_bytes(status)
    return {
        name: {**it.to_json(), "memory_bytes": memory[name]} for name, it in status.releases.items()
    }


def _load(
    supervisor: Supervisor, text: str, engine: str | None, *, routes_are_kept: bool
) -> dict[str, object]:
    name = _release_name(text)
    return supervisor.load(name, engine, routes_are_kept=routes_are_kept).to_json()


def _unload(supervisor: Supervisor, text: str) -> dict[str, object]:
    name = _release_name(text)
    supervisor.unload(name)
    return {"release": str(name), "loaded": False}


def _release_name(text: str) -> ReleaseName:
    name = ReleaseName.parse(text)
    if name is None:
        raise ReleaseNameInvalid(f"{text!r} is no release name; one looks like digits_r1.")
    return name
