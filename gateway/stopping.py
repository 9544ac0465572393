"""A request that the end of the server cuts short is answered all the same."""

from __future__ import annotations

import asyncio
import json

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.error_responses import RETRY_AFTER, error_body
from gateway.errors import InferenceUnavailable
from gateway.request_context import record, request_id


class StoppedAnswer:
    """Plain ASGI: says 503 where the server has waited long enough and cancels what is left."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Watch whether an answer has begun; after that nothing can be said any more."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def send_noted(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        except asyncio.CancelledError:
            if has_begun:
                raise
            for message in _try_again():
                await send(message)


def _try_again() -> tuple[Message, Message]:
    code = record.get().error_code = InferenceUnavailable.code
    told = error_body(code, "the gateway is being stopped; try again", request_id.get())
    body = json.dumps(told).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", RETRY_AFTER.encode()),
        (b"connection", b"close"),
    ]
    start = {"type": "http.response.start", "status": 503, "headers": headers}
    return start, {"type": "http.response.body", "body": body}
