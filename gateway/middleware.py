"""Around every request: an id, a clock, one log line, one metrics sample."""

from __future__ import annotations

import logging
import time

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.metrics import GatewayMetrics
from gateway.request_context import (
    REQUEST_ID_HEADER,
    RequestRecord,
    new_request_id,
    record,
    request_id,
)

logger = logging.getLogger("gateway.access")

# nginx's code for "the client went away"; it shows in logs and metrics only.
_CLIENT_CLOSED_REQUEST = 499
_ASKED_ALL_THE_TIME = frozenset(
    {"/healthz", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready"}
)


class RequestObserver:
    """Plain ASGI: Starlette's BaseHTTPMiddleware would copy each body through a queue."""

    def __init__(self, app: ASGIApp, metrics: GatewayMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Observe one HTTP request; anything else passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        identifier, known = new_request_id(), RequestRecord()
        request_id.set(identifier)
        record.set(known)
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = identifier
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            status = _CLIENT_CLOSED_REQUEST
        finally:
            self._report(scope, known, status, time.perf_counter() - started)

    def _report(self, scope: Scope, known: RequestRecord, status: int, seconds: float) -> None:
        # The matched route's template, never the raw path: a scanner must not mint label values.
        route = getattr(scope.get("route"), "path", "unmatched")
        self._metrics.requests.labels(route, known.alias, known.release, status).inc()
        self._metrics.request_seconds.labels(route).observe(seconds)
        if route in _ASKED_ALL_THE_TIME:
            return
        logger.info(
            "%s %s %d",
            scope["method"],
            scope["path"],
            status,
            extra={
                "route": route,
                "status": status,
                "key_id": known.key_id,
                "alias": known.alias,
                "release": known.release,
                "images": known.images,
                "texts": known.texts,
                "triton_ms": round(known.triton_ms, 2),
                "total_ms": round(seconds * 1000, 2),
            },
        )
