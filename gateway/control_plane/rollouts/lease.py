"""Who may do what only one may do at a time: a row of the database, and no clock on a wall."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Final

from sqlalchemy import ColumnElement, insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from gateway.control_plane.tables import LeaseRow
from gateway.control_plane.transactions import translated

_STILL_SECONDS: Final = 5.0
_TRUSTED_SECONDS: Final = 2.0

Fence = Callable[[AsyncSession], Awaitable[None]]


class LeaseLost(Exception):
    """Somebody else holds it now: what is under way must not be committed."""


async def no_fence(_session: AsyncSession) -> None:
    """Let everybody pass: a person may act at any time."""


class Lease:
    """Held by whoever raises its beat; taken by who has seen it stand still long enough.

    Args:
        engine: The control plane's database.
        name: What it is about.
        clock: Monotonic seconds.
    """

    def __init__(
        self, engine: AsyncEngine, name: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self._name = name
        self._clock = clock
        self._holder = secrets.token_hex(8)
        self._confirmed_at: float | None = None
        self._seen: tuple[str, int] | None = None
        self._seen_at = 0.0

    @property
    def is_held(self) -> bool:
        """Whether it was ours within the last two seconds, and so nobody else's yet."""
        confirmed_at = self._confirmed_at
        return confirmed_at is not None and self._clock() - confirmed_at < _TRUSTED_SECONDS

    async def keep(self) -> bool:
        """Raise the beat, or try to get the lease; to be called each second.

        Returns:
            Whether it is ours.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        asked_at = self._clock()
        with translated():
            is_ours = await self._beat() or await self._try_to_take()
        self._confirmed_at = asked_at if is_ours else None
        return is_ours

    async def confirm(self, session: AsyncSession) -> None:
        """See in a transaction that the lease is ours, and will be until its end: a Fence.

        Raises:
            LeaseLost: it is not.
        """
        if not await self._update(session, LeaseRow.holder == self._holder):
            self._confirmed_at = None
            raise LeaseLost(self._name)

    async def give_back(self) -> None:
        """Let the next one take it at once.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        self._confirmed_at = None
        with translated():
            async with self._sessions.begin() as session:
                await self._update(session, LeaseRow.holder == self._holder, holder="")

    async def _beat(self) -> bool:
        if self._confirmed_at is None:
            return False
        async with self._sessions.begin() as session:
            return await self._update(session, LeaseRow.holder == self._holder)

    async def _try_to_take(self) -> bool:
        async with self._sessions() as session:
            row = await session.get(LeaseRow, self._name)
        if row is None:
            return await self._create()
        seen = (row.holder, row.beat)
        if seen != self._seen:
            self._seen, self._seen_at = seen, self._clock()
        is_free = row.holder in ("", self._holder)
        if not is_free and self._clock() - self._seen_at < _STILL_SECONDS:
            return False
        async with self._sessions.begin() as session:
            is_as_seen = (LeaseRow.holder == row.holder, LeaseRow.beat == row.beat)
            return await self._update(session, *is_as_seen, holder=self._holder)

    async def _create(self) -> bool:
        first = insert(LeaseRow).values(name=self._name, holder=self._holder, beat=1)
        try:
            async with self._sessions.begin() as session:
                await session.execute(first)
        except IntegrityError:  # somebody was quicker
            return False
        return True

    async def _update(
        self, session: AsyncSession, *where: ColumnElement[bool], **values: object
    ) -> bool:
        raised = update(LeaseRow).where(LeaseRow.name == self._name, *where)
        changed = raised.values(beat=LeaseRow.beat + 1, **values).returning(LeaseRow.beat)
        return (await session.execute(changed)).first() is not None
