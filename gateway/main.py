"""create_app(settings): wiring only."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Final

import httpx
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from fastapi_offline import FastAPIOffline
from sqlalchemy.exc import SQLAlchemyError

from gateway import health_routes
from gateway.control_plane import key_routes, routes
from gateway.control_plane.database import open_database
from gateway.control_plane.first_keys import ensure_first_keys
from gateway.control_plane.keys import KeyStore
from gateway.control_plane.secret_files import read_or_create_secret
from gateway.data_plane import predict_routes
from gateway.data_plane.open_inference import infer_routes, metadata_routes
from gateway.data_plane.prediction import Predictor
from gateway.data_plane.server_health import ServerHealth
from gateway.data_plane.triton_client import TritonClient
from gateway.dependencies import Services
from gateway.error_responses import install_error_responses
from gateway.lingering_close import LingeringClose
from gateway.metrics import GatewayMetrics
from gateway.middleware import RequestObserver
from gateway.schemas import ErrorBody
from gateway.settings import GatewaySettings

logger = logging.getLogger(__name__)

_DESCRIPTION = "Raw bytes in, labels out. Send an API key as `Authorization: Bearer KEY`."
# Our own metrics and log lines say it; FastAPI's would look for providers at each request, and
# would hand the texts of exceptions to whatever OpenTelemetry happens to be configured.
_NO_TELEMETRY: Final[TelemetryConfig] = {"tracing": False, "metrics": False, "logs": False}


async def _repeat(action: Callable[[], Awaitable[None]], interval_seconds: float) -> None:
    """Do something for ever; a database that is away for a while must not end it."""
    while True:
        await asyncio.sleep(interval_seconds)
        try:
            await action()
        except (SQLAlchemyError, OSError):
            logger.exception("cannot read the key table; the keys known so far stay in force")


@contextlib.asynccontextmanager
async def _running_services(
    settings: GatewaySettings, metrics: GatewayMetrics
) -> AsyncIterator[Services]:
    """Open what the application needs, keep it fresh, and close it at the end."""
    settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = await open_database(settings.effective_database_url)
    hash_secret = read_or_create_secret(settings.state_dir / "key-hash.secret")
    keys = KeyStore(engine, hash_secret)
    await ensure_first_keys(keys, settings.state_dir)
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
        for action in (health.refresh, keys.refresh)
    ]
    try:
        yield Services(settings, metrics, keys, health, predictor, triton)
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        await supervisor.aclose()
        await triton.close()
        await engine.dispose()


def create_app(settings: GatewaySettings) -> FastAPI:
    """Build the gateway around its settings."""
    metrics = GatewayMetrics()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _running_services(settings, metrics) as services:
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
    install_error_responses(app)
    for router in (predict_routes.router, routes.router, key_routes.router, health_routes.router):
        app.include_router(router)
    for router in (metadata_routes.router, infer_routes.router):
        app.include_router(router)
    return app
