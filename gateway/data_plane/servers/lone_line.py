"""After a stub died: those who were there are asked again one by one, so that blame is certain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager


class LoneLine:
    """Of one release on one server; while somebody stands in it, nobody new is sent there."""

    def __init__(self) -> None:
        self._members = 0
        self._turn = asyncio.Lock()

    @property
    def is_empty(self) -> bool:
        """Whether nobody stands in it."""
        return not self._members

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Stand in it."""
        self._members += 1
        try:
            yield
        finally:
            self._members -= 1

    @asynccontextmanager
    async def turn(self, deadline: float) -> AsyncIterator[None]:
        """Wait for one's turn, and be alone meanwhile.

        Args:
            deadline: Of the event loop's clock.

        Raises:
            TimeoutError: it passed before.
        """
        async with asyncio.timeout_at(deadline):
            await self._turn.acquire()
        try:
            yield
        finally:
            self._turn.release()
