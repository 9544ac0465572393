"""Keeps in memory what a table holds, and reads it again whenever somebody has changed it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sqlalchemy import Select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from gateway.control_plane.database_writes import DatabaseWrites, Stamp

logger = logging.getLogger(__name__)


class WatchedTable:
    """A table beside a counter that every change counts up in its own transaction.

    Args:
        sessions: Of the database.
        counter: Asks for it.
        read: Reads the whole table and remembers it.
        what: The things in the table, for the log.
        writes: Tells where nobody can have changed anything.
    """

    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        counter: Select[int],
        read: Callable[[AsyncSession], Awaitable[None]],
        what: str,
        writes: DatabaseWrites,
    ) -> None:
        self._sessions = sessions
        self._counter = counter
        self._read = read
        self._what = what
        self._writes = writes
        self._stamp: Stamp | None = None  # as it was before the last look that went well
        self._seen: int | None = None
        self._trouble: str | None = None
        # One reader at a time: an older look at the table must not overwrite a newer one.
        self._reading = asyncio.Lock()

    async def refresh(self) -> None:
        """Read the whole table again.

        Raises:
            SQLAlchemyError: the database cannot be read.
            OSError: likewise.
        """
        async with self._reading, self._sessions() as session:
            # The counter first: what changes in between is then read once more, not missed.
            counted = await session.scalar(self._counter)
            await self._read(session)
            self._seen = counted

    async def poll(self) -> None:
        """Read the table again if somebody changed it; trouble is logged, never raised."""
        stamp = self._writes.stamp()  # before the look: what is written meanwhile is seen next time
        if stamp is not None and stamp == self._stamp:
            return
        self._stamp = None
        try:
            async with self._sessions() as session:
                counted = await session.scalar(self._counter)
            if counted != self._seen:
                await self.refresh()
            self._note(None)
            self._stamp = stamp
        # ValueError and KeyError: a row is garbled.
        except (SQLAlchemyError, OSError, ValueError, KeyError) as exc:
            self._note(type(getattr(exc, "orig", exc)).__name__)

    def _note(self, trouble: str | None) -> None:
        """Log only what changes; the question is asked twice a second."""
        if trouble != self._trouble:
            if trouble:
                logger.error(
                    "cannot read the %s (%s); those known stay in force", self._what, trouble
                )
            else:
                logger.warning("the %s can be read again", self._what)
        self._trouble = trouble
