"""Stop working for a client that went away."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

from starlette.requests import ClientDisconnect, Request


class CancelOnDisconnect:
    """Inside, the client is listened for; once it has gone, what is awaited here is cancelled.

    The body must have been read to its end. Like asyncio.timeout, it cancels the task that entered
    it and takes that cancellation back.

    Raises:
        ClientDisconnect: at the end, in place of the cancellation.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._client_has_gone = self._has_left = False

    async def __aenter__(self) -> None:
        """Begin to listen."""
        self._task = asyncio.current_task()
        self._cancelling_before = self._task.cancelling() if self._task else 0
        self._listener = asyncio.ensure_future(self._request.receive())
        self._listener.add_done_callback(self._note)

    def _note(self, listener: asyncio.Future[Any]) -> None:
        # Its callback may be on its way already when the last await here ends.
        if not (listener.cancelled() or self._has_left) and self._task:
            self._client_has_gone = True
            self._task.cancel()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop listening."""
        self._has_left = True
        self._listener.remove_done_callback(self._note)
        self._listener.cancel()
        if self._client_has_gone and self._task:
            is_ours = self._task.uncancel() <= self._cancelling_before
            if kind is asyncio.CancelledError and is_ours:
                raise ClientDisconnect from exc
