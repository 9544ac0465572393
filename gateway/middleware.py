"""Around every request: an id, a clock, one log line, one metrics sample, a trace if sampled."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.request_books import RequestBooks
from gateway.request_context import (
    REQUEST_ID_HEADER,
    RequestRecord,
    new_request_id,
    record,
    request_id,
)
from gateway.request_outcome import CLIENT_CLOSED_REQUEST, request_outcome
from gateway.tracing import follow, traced_request
from gateway.transport.request_target import speaks_open_inference
from gateway.transport.security_headers import SecurityHeaders

logger = logging.getLogger("gateway.access")

_INFERENCES: Final = ("/v1/predict/", "/v1/preview/")
_UNLOGGED: Final = frozenset(
    {"/healthz", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready"}
)
# What the gateway would not do; what it could not do is no refusal.
_REFUSED: Final = frozenset({"rejected", "limited", "overloaded"})
_REQUEST_ID: Final = REQUEST_ID_HEADER.lower().encode()


class RequestObserver:
    """Plain ASGI: Starlette's BaseHTTPMiddleware would copy each body through a queue."""

    def __init__(
        self,
        app: ASGIApp,
        books: RequestBooks,
        security_headers: SecurityHeaders,
    ) -> None:
        self._app = app
        self._security_headers = security_headers
        self._books = books

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Observe one HTTP request; anything else passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identifier, known = new_request_id(), RequestRecord()
        request_id.set(identifier)
        record.set(known)
        is_data_plane = _is_data_plane(scope["path"])
        _read_trace_headers(scope, known)
        if is_data_plane:
            self._books.tracing.toss(known)
        status = 500

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [
                    *message["headers"],
                    (_REQUEST_ID, identifier.encode()),
                    *self._security_headers.of(scope["path"]),
                ]
                if is_data_plane:
                    headers.append((b"server-timing", known.server_timing().encode()))
                message["headers"] = headers
            else:
                known.sent_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, send_observed)
        except (ClientDisconnect, asyncio.CancelledError) as exc:
            status = CLIENT_CLOSED_REQUEST
            if not isinstance(exc, ClientDisconnect):
                raise
        finally:
            self._report(scope, known, status)

    def _report(self, scope: Scope, known: RequestRecord, status: int) -> None:
        # The matched route's template, never the raw path: a scanner must not mint label values.
        route = getattr(scope.get("route"), "path", "unmatched")
        outcome = request_outcome(status, known.error_code)
        method, path = scope["method"], scope["path"]
        self._books.metrics.observe(route, known, status, outcome)
        self._books.usage.add(
            known,
            is_prediction=method == "POST" and _is_data_plane(path),
            is_refused=outcome in _REFUSED,
        )
        if route in _UNLOGGED:
            return
        fields = _log_fields(known, route, status, outcome)
        logger.info("%s %s %d", method, path[:200], status, extra={"fields": fields})
        if known.trace and known.key_id:  # nobody could ask for what came without a key
            self._books.tracing.keep(
                traced_request(
                    known,
                    known.trace,
                    request_id=request_id.get(),
                    method=method,
                    route=route,
                    status=status,
                    outcome=outcome,
                )
            )


def _is_data_plane(path: str) -> bool:
    return path.startswith(_INFERENCES) or speaks_open_inference(path)


def _read_trace_headers(scope: Scope, known: RequestRecord) -> None:
    parents = [value for name, value in scope["headers"] if name == b"traceparent"]
    if len(parents) == 1:  # of two, neither can be believed
        follow(known, parents[0])
    known.wants_trace = (b"x-trace", b"1") in scope["headers"]


def _log_fields(known: RequestRecord, route: str, status: int, outcome: str) -> dict[str, object]:
    fields: dict[str, object] = {
        "route": route,
        "status": status,
        "outcome": outcome,
        "key_id": known.key_id,
        "alias": known.alias,
        "release": known.release,
        "images": known.images,
        "texts": known.texts,
        "body_bytes": known.body_bytes,
        "sent_bytes": known.sent_bytes,
        "queue_ms": round(known.queue_ms, 2),
        "body_ms": round(known.body_ms, 2),
        "triton_ms": round(known.triton_ms, 2),
        "total_ms": round(known.total_ms(), 2),
    }
    # What few requests have makes no line longer.
    if known.tenant:
        fields["tenant"] = known.tenant
    if known.trace_id:
        fields["trace_id"] = known.trace_id
    if known.error_code:
        fields["error"] = known.error_code
    if known.cache:
        fields["cache"] = known.cache
    if known.step:
        fields["step"] = known.step
    if known.server:
        fields["server"] = known.server
    if known.revision:  # somebody has set the route
        fields["revision"] = known.revision
    return fields
