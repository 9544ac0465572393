"""Answer before a body is read, and still let the client read that answer."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LINGER_SECONDS: Final = 3.0


class LingeringClose:
    """Plain ASGI: after an answer with `Connection: close`, throws the rest of the body away.

    A socket that is closed with bytes unread resets the connection, and most clients, httpx among
    them, then report a broken connection in place of the 401 or 413 that was sent. nginx does the
    same under the name lingering_close.

    Args:
        app: The application.
        linger_seconds: How long a client may go on sending after its answer.
    """

    def __init__(self, app: ASGIApp, linger_seconds: float = _LINGER_SECONDS) -> None:
        self._app = app
        self._linger_seconds = linger_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold back the end of such an answer until the body has ended."""
        if scope["type"] != "http" or not _may_send_a_body_now(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        body_ended = must_close = False

        async def receive_and_watch() -> Message:
            nonlocal body_ended
            message = await receive()
            body_ended = not message.get("more_body", False)
            return message

        async def send_but_the_end(message: Message) -> None:
            nonlocal must_close
            if message["type"] == "http.response.start":
                must_close = Headers(raw=message["headers"]).get("connection") == "close"
            elif must_close:
                message = {**message, "more_body": True}
            await send(message)

        await self._app(scope, receive_and_watch, send_but_the_end)
        if must_close:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._linger_seconds):
                    while not body_ended:
                        await receive_and_watch()
            await send({"type": "http.response.body", "body": b""})


def _may_send_a_body_now(headers: Headers) -> bool:
    # Who asked for "100 Continue" waits for it, and the server would say it at the first read.
    has_body = "content-length" in headers or "transfer-encoding" in headers
    return has_body and "expect" not in headers
