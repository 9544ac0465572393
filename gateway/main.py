"""create_app(settings): wiring only."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Final

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware

from gateway import health_routes
from gateway.control_plane import (
    alias_routes,
    audit_routes,
    health_report_routes,
    key_routes,
    monitoring_routes,
    own_key_routes,
    waterfall_routes,
)
from gateway.control_plane.experiments import report_routes
from gateway.control_plane.releases import release_routes
from gateway.control_plane.rollouts import rollout_routes
from gateway.control_plane.routing import route_change_routes
from gateway.data_plane import predict_routes, preview_routes
from gateway.data_plane.open_inference import infer_routes, metadata_routes
from gateway.data_plane.preview_openapi import PREVIEW_HEADERS
from gateway.error_responses import install_error_responses
from gateway.jobs import job_reading_routes, job_stream_routes
from gateway.jobs.intake import submission_routes
from gateway.jobs.webhooks import webhook_secret_routes
from gateway.metrics import GatewayMetrics
from gateway.middleware import RequestObserver
from gateway.openapi_document import DESCRIPTION, TAGS, VERSION, names_once
from gateway.openapi_errors import refusals
from gateway.request_books import RequestBooks
from gateway.services import running_services
from gateway.settings import GatewaySettings
from gateway.tracing import Tracing
from gateway.transport.lingering_close import LingeringClose
from gateway.transport.metrics_listener import metrics_listener
from gateway.transport.one_sentence_refusal import OneSentenceRefusal
from gateway.transport.security_headers import SecurityHeaders
from gateway.transport.stopping import StoppedAnswer, Stopping

# Our own metrics and log lines say it; FastAPI's would look for providers at each request, and
# would hand the texts of exceptions to whatever OpenTelemetry happens to be configured.
_NO_TELEMETRY: Final[TelemetryConfig] = {"tracing": False, "metrics": False, "logs": False}
_READABLE_BY_PAGES: Final = (
    "X-Request-Id",
    "X-Error-Code",
    "Server-Timing",
    "Retry-After",
    "Cache-Status",
    "Inference-Header-Content-Length",
    *PREVIEW_HEADERS,
)
# The data plane first: routes are tried in this order.
_ROUTERS: Final = (
    predict_routes.router,
    preview_routes.router,
    infer_routes.router,
    metadata_routes.router,
    health_routes.router,
    submission_routes.router,
    job_reading_routes.router,
    job_stream_routes.router,
    alias_routes.router,
    route_change_routes.router,
    release_routes.router,
    report_routes.router,
    rollout_routes.router,
    audit_routes.router,
    key_routes.router,
    own_key_routes.router,
    webhook_secret_routes.router,
    waterfall_routes.router,
    monitoring_routes.router,
    health_report_routes.router,
)


def create_app(settings: GatewaySettings) -> FastAPI:
    """Build the gateway around its settings."""
    tracing = Tracing(sample_ratio=settings.trace_sample_ratio, traces_kept=settings.traces_kept)
    books = RequestBooks(tracing)
    security_headers = SecurityHeaders(is_tls=settings.is_tls)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        state = app.state
        async with running_services(settings, books, state.shared_folder) as services:
            state.services = services
            async with metrics_listener(settings, books.metrics, services.fleet, state.listeners):
                yield

    with_docs = partial(FastAPIOffline, redoc_url=None)  # it cannot be told to leave /docs out
    without_docs = partial(FastAPI, openapi_url=None)
    app = (with_docs if settings.docs_enabled else without_docs)(
        title="Triptych gateway",
        version=VERSION,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        lifespan=lifespan,
        responses=refusals("4XX"),
        telemetry=_NO_TELEMETRY,
        redirect_slashes=False,  # it would send callers to whatever their Host header says
    )
    app.openapi = names_once(app.openapi)  # type: ignore[method-assign]  # as FastAPI has it
    _set_state(app, books.metrics)
    _add_middleware(app, settings.cors_origins, books, security_headers)
    install_error_responses(app, security_headers)
    for router in _ROUTERS:
        app.include_router(router)
    return app


def _set_state(app: FastAPI, metrics: GatewayMetrics) -> None:
    app.state.metrics = metrics
    app.state.stopping = Stopping()
    # What one of several workers gets from its parent: the sockets of the metrics' own port, and a
    # folder.
    app.state.listeners = None
    app.state.shared_folder = None


def _add_middleware(
    app: FastAPI,
    cors_origins: Sequence[str],
    books: RequestBooks,
    security_headers: SecurityHeaders,
) -> None:
    """Put around the routes what every request passes; what is added last comes first."""
    _let_in(app, cors_origins)
    app.add_middleware(StoppedAnswer, stopping=app.state.stopping)
    app.add_middleware(RequestObserver, books=books, security_headers=security_headers)
    # Outside of it, so that what comes behind an answer does not count as its time.
    app.add_middleware(LingeringClose)
    app.add_middleware(OneSentenceRefusal)


def _let_in(app: FastAPI, origins: Sequence[str]) -> None:
    """Let pages of these origins call; keys travel in headers, so no cookies are allowed."""
    if not origins:
        return
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
        allow_headers=("*",),
        expose_headers=_READABLE_BY_PAGES,
    )
