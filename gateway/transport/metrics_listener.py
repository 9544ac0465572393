"""A second port for Prometheus: /metrics without a key, in the same event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.server import ServerState

from gateway.data_plane.servers.fleet import Fleet
from gateway.metrics import GatewayMetrics
from gateway.settings import GatewaySettings
from gateway.transport.listener_options import http_protocol, listener_options

# Another worker may be asked at any moment what this one has in hand.
_REFRESH_SECONDS: Final = 0.5


@contextlib.asynccontextmanager
async def metrics_listener(
    settings: GatewaySettings,
    metrics: GatewayMetrics,
    health: Fleet,
    sockets: Sequence[socket.socket] | None = None,
) -> AsyncIterator[None]:
    """Listen where the settings say, or on what the parent listens on; nowhere, if they do not."""
    async with contextlib.AsyncExitStack() as stack:
        if metrics.is_shared:
            await stack.enter_async_context(_refreshing(metrics, health))
        if settings.metrics_port is not None:
            await stack.enter_async_context(_listening(settings, metrics, health, sockets))
        yield


@contextlib.asynccontextmanager
async def _refreshing(metrics: GatewayMetrics, health: Fleet) -> AsyncIterator[None]:
    async def refresh() -> None:
        while True:
            metrics.is_ready.set(health.verdict().is_ready)
            metrics.note()
            await asyncio.sleep(_REFRESH_SECONDS)

    loop = asyncio.create_task(refresh())
    try:
        yield
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)


@contextlib.asynccontextmanager
async def _listening(
    settings: GatewaySettings,
    metrics: GatewayMetrics,
    health: Fleet,
    sockets: Sequence[socket.socket] | None,
) -> AsyncIterator[None]:
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

    def protocol() -> asyncio.Protocol:
        return config.http_protocol_class(config=config, server_state=state, app_state={})  # type: ignore[call-arg]  # as uvicorn itself calls it

    loop = asyncio.get_running_loop()
    if sockets is None:
        listeners = [
            await loop.create_server(protocol, settings.metrics_host, settings.metrics_port)
        ]
    else:
        listeners = [await loop.create_server(protocol, sock=it) for it in sockets]
    try:
        yield
    finally:
        for listener in listeners:
            listener.close()
        for connection in list(state.connections):
            connection.shutdown()
