"""The end of a server: whoever asks meanwhile is told to try again, and no answer is cut short."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.error_responses import RETRY_AFTER, error_body
from gateway.errors import InferenceUnavailable
from gateway.request_context import record, request_id

_CLOSE = (b"connection", b"close")


@dataclass
class Stopping:
    """How this process ends, once it does."""

    refuses: bool = False  # the whole gateway ends: what comes now has to go elsewhere
    retires: bool = False  # another process takes its place: what comes here still is answered


class StoppedAnswer:
    """Plain ASGI: says 503 to what comes too late, and where waiting has to end.

    Args:
        app: The application.
        stopping: Says whether the end has begun.
    """

    def __init__(self, app: ASGIApp, stopping: Stopping | None = None) -> None:
        self._app = app
        self._stopping = stopping or Stopping()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Watch whether an answer has begun; after that nothing can be said any more."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._stopping.refuses:
            await _refuse(send)
            return
        has_begun = False

        async def send_noted(message: Message) -> None:
            nonlocal has_begun
            if self._stopping.retires and not has_begun:
                # The next request shall come over a connection to somebody who stays.
                message["headers"] = [*message["headers"], _CLOSE]
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        except asyncio.CancelledError:
            if has_begun:
                raise
            await _refuse(send)


async def _refuse(send: Send) -> None:
    code = record.get().error_code = InferenceUnavailable.code
    told = error_body(code, "the gateway is being stopped; try again", request_id.get())
    body = json.dumps(told).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", RETRY_AFTER.encode()),
        _CLOSE,
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
