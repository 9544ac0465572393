"""One look at the database for all who want one at the same time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable


class SharedLook:
    """Lets everybody wait for a look that begins after they asked.

    One look at a time, so that a database that hangs is not asked by ever more of them, and a pause
    after each, so that nobody can make us ask it without end.

    Args:
        look: Looks; raises nothing.
        pause_seconds: Between two looks.
        patience_seconds: How long somebody waits at most.
    """

    def __init__(
        self, look: Callable[[], Awaitable[None]], *, pause_seconds: float, patience_seconds: float
    ) -> None:
        self._look = look
        self._pause_seconds = pause_seconds
        self._patience_seconds = patience_seconds
        self._next: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()  # the loop itself holds no task
        self._one_at_a_time = asyncio.Lock()
        self._not_before = 0.0

    async def wait(self) -> None:
        """Wait for the next look, or until patience ends."""
        if self._next is None:
            self._next = asyncio.create_task(self._begin_the_next())
            self._running.add(self._next)
            self._next.add_done_callback(self._running.discard)
        with contextlib.suppress(TimeoutError):
            # Shielded: that one caller has gone away is nothing to the others.
            await asyncio.wait_for(asyncio.shield(self._next), self._patience_seconds)

    async def _begin_the_next(self) -> None:
        now = asyncio.get_running_loop().time
        async with self._one_at_a_time:
            await asyncio.sleep(self._not_before - now())
            self._next = None  # whoever comes from now on may have come too late for this one
            await self._look()
            self._not_before = now() + self._pause_seconds
