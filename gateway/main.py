"""create_app(settings): wiring only."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Final

import httpx
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from fastapi_offline import FastAPIOffline

from gateway import health_routes
from gateway.control_plane import key_routes, routes
from gateway.control_plane.running_keys import RunningKeys, running_keys
from gateway.data_plane import predict_routes
from gateway.data_plane.prediction import Predictor
from gateway.data_plane.rate_limits import RateLimits
from gateway.data_plane.server_health import ServerHealth
from gateway.data_plane.triton_client import TritonClient
from gateway.dependencies import Services
from gateway.error_responses import install_error_responses
from gateway.lingering_close import LingeringClose
from gateway.metrics import GatewayMetrics
from gateway.middleware import OneSentenceRefusal, RequestObserver
from gateway.schemas import ErrorBody
from gateway.settings import GatewaySettings

_DESCRIPTION = "Raw bytes in, labels out. Send an API key as `Authorization: Bearer KEY`."
# Our own metrics and log lines say it; FastAPI's would look for providers at each request, and
# would hand the texts of exceptions to whatever OpenTelemetry happens to be configured.
_NO_TELEMETRY: Final[TelemetryConfig] = {"tracing": False, "metrics": False, "logs": False}


async def _repeat(action: Callable[[], Awaitable[None]], interval_seconds: float) -> None:
    """Do something for ever that remembers or logs its troubles and raises none."""
    while True:
        await asyncio.sleep(interval_seconds)
        await action()


@contextlib.asynccontextmanager
async def _running_services(
    settings: GatewaySettings, metrics: GatewayMetrics, keys: RunningKeys
) -> AsyncIterator[Services]:
    """Open what the application needs, keep it fresh, and close it at the end."""
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
    limits = RateLimits(redis_url)
    triton = TritonClient(settings.triton_url, timeout_seconds=settings.inference_timeout_seconds)
    supervisor = httpx.AsyncClient(base_url=settings.supervisor_url, timeout=1.0, trust_env=False)
    health = ServerHealth(supervisor, max_age_seconds=settings.status_max_age_seconds)
    predictor = Predictor(
        triton,
        metrics,
        max_in_flight=settings.max_in_flight,
        max_image_bytes=settings.max_image_bytes,
    )
    await health.refresh()
    loops = [
        asyncio.create_task(_repeat(action, settings.status_interval_seconds))
        for action in (health.refresh, keys.store.poll)
    ]
    try:
        yield Services(settings, metrics, keys.store, keys.first, limits, health, predictor)
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        await supervisor.aclose()
        await triton.close()
        await limits.close()


def create_app(settings: GatewaySettings) -> FastAPI:
    """Build the gateway around its settings."""
    metrics = GatewayMetrics()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            running_keys(settings) as keys,
            _running_services(settings, metrics, keys) as services,
        ):
            app.state.services = services
            yield

    with_docs = partial(FastAPIOffline, redoc_url=None)  # it cannot be told to leave /docs out
    without_docs = partial(FastAPI, openapi_url=None)
    app = (with_docs if settings.docs_enabled else without_docs)(
        title="Triptych gateway",
        version="1",
        description=_DESCRIPTION,
        lifespan=lifespan,
        responses={"4XX": {"model": ErrorBody}},
        telemetry=_NO_TELEMETRY,
    )
    app.add_middleware(RequestObserver, metrics=metrics)
    # Outermost, so that what comes behind an answer does not count as its time.
    app.add_middleware(LingeringClose)
    app.add_middleware(OneSentenceRefusal)
    install_error_responses(app)
    for router in (predict_routes.router, routes.router, key_routes.router, health_routes.router):
        app.include_router(router)
    return app
