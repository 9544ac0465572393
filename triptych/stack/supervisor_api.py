"""The supervisor's own HTTP: /livez, /readyz, /status, /releases. Loopback only."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from triptych.stack.supervisor import Supervisor


def create_supervisor_api(supervisor: Supervisor) -> Starlette:
    """Build the application around a running supervisor."""

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

    return Starlette(
        routes=[
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/status", status),
            Route("/releases", releases),
        ]
    )
