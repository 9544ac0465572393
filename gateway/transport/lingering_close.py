"""Answer before a body is read, and still let the client read that answer."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LINGER_SECONDS: Final = 3.0
# So much of an unread body is cheaper to throw away than a connection is to make again.
_MOST_TO_DISCARD_BYTES: Final = 1024 * 1024
_CLOSE: Final = (b"connection", b"close")


class LingeringClose:
    """Plain ASGI: an answer to a large or endless body that nobody read ends the connection.

    A socket that is closed with bytes unread resets the connection, and most clients, httpx among
    them, then report a broken connection in place of the 401 or 413 that was sent. So the rest is
    thrown away for a while first; nginx does the same under the name lingering_close. A body that
    says to be small is left to the server, which throws it away and keeps the connection.

    Args:
        app: The application.
        linger_seconds: How long a client may go on sending after its answer.
    """

    def __init__(self, app: ASGIApp, linger_seconds: float = _LINGER_SECONDS) -> None:
        self._app = app
        self._linger_seconds = linger_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold back the end of such an answer until the body has ended."""
        if scope["type"] != "http" or _leaves_little(headers := Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(receive, send)
        await self._app(scope, exchange.receive, exchange.send)
        if exchange.must_close:
            # Who asked for "100 Continue" waits for it, and the server would say it at a read.
            if "expect" not in headers:
                await exchange.discard_body(self._linger_seconds)
            await send({"type": "http.response.body", "body": b""})


class _Exchange:
    """One request whose body may be in the way, and its answer."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._body_ended = False
        self.must_close = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._body_ended = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Pass the answer on but for its end, where that has to wait."""
        if message["type"] == "http.response.start":
            self.must_close = not self._body_ended
            if self.must_close and _CLOSE not in message["headers"]:
                message = {**message, "headers": [*message["headers"], _CLOSE]}
        elif self.must_close:
            message = {**message, "more_body": True}
        await self._send(message)

    async def discard_body(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._body_ended:
                    await self.receive()


def _leaves_little(headers: Headers) -> bool:
    """Whether the server may throw away what nobody reads, and the connection go on."""
    if "expect" in headers:
        return False  # whether a body follows a refusal, nobody knows
    if "transfer-encoding" in headers:
        return False
    # The server has checked that it is a number.
    return int(headers.get("content-length", "0")) <= _MOST_TO_DISCARD_BYTES
