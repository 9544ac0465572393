"""A second port for Prometheus: /metrics without a key, in the same event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.server import ServerState

from gateway.data_plane.servers.fleet import Fleet
from gateway.listener_options import http_protocol, listener_options
from gateway.metrics import GatewayMetrics
from gateway.settings import GatewaySettings


@contextlib.asynccontextmanager
async def metrics_listener(
    settings: GatewaySettings, metrics: GatewayMetrics, health: Fleet
) -> AsyncIterator[None]:
    """Listen where the settings say; nowhere, if they do not."""
    if settings.metrics_port is None:
        yield
        return

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        response: Response = PlainTextResponse("only GET /metrics is here\n", 404)
        if scope["path"] == "/metrics" and scope["method"] in {"GET", "HEAD"}:
            metrics.is_ready.set(health.verdict().is_ready)
            response = Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)
        await response(scope, receive, send)

    config = Config(
        answer, http=http_protocol(settings, metrics), lifespan="off", **listener_options(settings)
    )
    config.load()
    state = ServerState()
    listener = await asyncio.get_running_loop().create_server(
        lambda: config.http_protocol_class(config=config, server_state=state, app_state={}),  # type: ignore[call-arg]  # as uvicorn itself calls it
        settings.metrics_host,
        settings.metrics_port,
    )
    try:
        yield
    finally:
        listener.close()
        for connection in list(state.connections):
            connection.shutdown()
