"""A start that was refused is told in its one sentence, not in a traceback."""

from __future__ import annotations

import sys

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import StartRefused


class OneSentenceRefusal:
    """Plain ASGI: changes the report of a failed start; anything else passes through."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at lifespan messages only."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_sentence(message: Message) -> None:
            # Starlette reports while it handles the exception, so it is the current one.
            refusal = sys.exception()
            if message["type"] == "lifespan.startup.failed" and isinstance(refusal, StartRefused):
                message = {**message, "message": f"the gateway does not start: {refusal}"}
            await send(message)

        await self._app(scope, receive, send_sentence)
