"""The store of routes: the table is the record, memory answers requests."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from gateway.control_plane.audit import TRIPTYCH, AuditEntry, Deed, entry_of, write_audit
from gateway.control_plane.control_errors import NothingToRollBack, ReleaseNotReady
from gateway.control_plane.database_writes import DatabaseWrites
from gateway.control_plane.tables import (
    AuditRow,
    CounterRow,
    ReleaseWishRow,
    RouteChangeRow,
    RouteRow,
)
from gateway.control_plane.transactions import translated
from gateway.control_plane.watched_table import WatchedTable
from gateway.errors import UnknownAlias
from triptych.routing import Route

_COUNTER: Final = "routes"
_COUNT_UP: Final = (
    update(CounterRow).where(CounterRow.name == _COUNTER).values(value=CounterRow.value + 1)
)

Revise = Callable[[Route | None], Route]
BeforeUse = Callable[[frozenset[str]], Awaitable[None]]
Also = Callable[[AsyncSession, Route], Awaitable[None]]


@dataclass(frozen=True)
class RouteChange:
    """One entry of an alias's history."""

    route: Route
    undo_to: int | None
    """The revision that a rollback from here brings back."""
    rollout_id: str | None
    audit: AuditEntry


class RouteStore:
    """Changes and remembers what aliases mean.

    Args:
        engine: The control plane's database.
        before_use: Is told which releases routes name, before these routes are in force.
    """

    def __init__(self, engine: AsyncEngine, before_use: BeforeUse | None = None) -> None:
        self._before_use = before_use
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        counter = select(CounterRow.value).where(CounterRow.name == _COUNTER)
        writes = DatabaseWrites(engine.url)
        self._table = WatchedTable(self._sessions, counter, self._read, "routes", writes)
        self.known: Mapping[str, Route] = {}
        """Every route that was ever set, by alias; replaced as a whole."""

    async def refresh(self) -> None:
        """Read all routes again."""
        with translated():
            await self._table.refresh()

    async def poll(self) -> None:
        """Read them again if some gateway changed one; trouble is logged, never raised."""
        await self._table.poll()

    async def _read(self, session: AsyncSession) -> None:
        rows = await session.scalars(select(RouteRow))
        routes = {row.alias: _route(row) for row in rows}
        if self._before_use is not None:
            named = (arm.release for route in routes.values() for arm in route.arms if arm.weight)
            await self._before_use(frozenset(named))
        self.known = routes

    async def current(self, alias: str) -> Route | None:
        """What an alias means by the record, whatever this process has seen yet.

        Raises:
            DatabaseUnavailable: it cannot be read now.
        """
        with translated():
            async with self._sessions() as session:
                row = await session.get(RouteRow, alias)
        return _route(row) if row else None

    async def change(
        self,
        revise: Revise,
        deed: Deed,
        *,
        unset: Route | None,
        rollout_id: str | None = None,
        also: Also | None = None,
    ) -> Route:
        """Let an alias mean something else from now on.

        Args:
            revise: From what it means (None: nothing) to what it is to mean; runs in the
                transaction and may raise. Giving the same back changes nothing.
            deed: Who does it and why; its subject is the alias.
            unset: What the alias means as long as nobody has set it; kept as revision 1, so that
                a rollback finds it.
            rollout_id: Where this is a step of a rollout: to roll back is to undo all of them. It
                gets a revision even if it changes nothing, because what it does is counted by that.
            also: What belongs to the change; runs in its transaction, and may raise.

        Raises:
            ReleaseNotReady: it names a release that is being unloaded.
            DatabaseUnavailable: the database does not answer.
        """
        async with self._changing() as session:
            row = await session.get(RouteRow, deed.subject)
            before = _route(row) if row else unset
            wanted = revise(before)
            if before and rollout_id is None and _is_same(before, wanted):
                return before
            if row is None and unset is not None:
                row = await _keep(session, unset)
            undo_to = await _before(session, row, rollout_id)
            route = replace(wanted, revision=row.revision + 1 if row else 1)
            await _check_wanted(session, route)
            await _write(session, row, route, deed, undo_to=undo_to, rollout_id=rollout_id)
            if also:
                await also(session, route)
        return route

    async def keep(self, unset: Route) -> None:
        """Write down what an alias means by itself, so that nothing but a change changes it.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        async with self._changing() as session:
            if await session.get(RouteRow, unset.alias) is None:
                await _keep(session, unset)

    async def roll_back(
        self, deed: Deed, check: Callable[[Route], None], *, also: Also | None = None
    ) -> Route:
        """Bring back what the alias meant before; of a rollout, before all its steps.

        Args:
            deed: Who does it and why; its subject is the alias.
            check: Is shown what would come back, and may raise.
            also: What belongs to the change; runs in its transaction, and may raise.

        Raises:
            UnknownAlias: nobody has ever set this route.
            NothingToRollBack: there was nothing before.
            ReleaseNotReady: what comes back names a release that was unloaded since.
            DatabaseUnavailable: the database does not answer.
        """
        async with self._changing() as session:
            row = await session.get(RouteRow, deed.subject)
            if row is None:
                raise UnknownAlias(f"the route of {deed.subject!r} was never changed")
            now = await session.get_one(RouteChangeRow, (row.alias, row.revision))
            if now.undo_to is None:
                raise NothingToRollBack(f"there is no earlier state of the route {row.alias!r}")
            then = await session.get_one(RouteChangeRow, (row.alias, now.undo_to))
            route = Route.from_json(row.alias, row.revision + 1, json.loads(then.document))
            check(route)
            await _check_wanted(session, route)
            told = replace(deed, detail={**deed.detail, "restores": then.revision})
            await _write(session, row, route, told, undo_to=then.undo_to)
            if also:
                await also(session, route)
        return route

    async def history(
        self, alias: str, limit: int, *, before: int | None = None
    ) -> list[RouteChange]:
        """What an alias has meant, newest first.

        Raises:
            DatabaseUnavailable: it cannot be read now.
        """
        wanted = (
            select(RouteChangeRow, AuditRow)
            .join(AuditRow, RouteChangeRow.audit_id == AuditRow.id)
            .where(RouteChangeRow.alias == alias)
            .order_by(RouteChangeRow.revision.desc())
            .limit(limit)
        )
        if before is not None:
            wanted = wanted.where(RouteChangeRow.revision < before)
        with translated():
            async with self._sessions() as session:
                found = (await session.execute(wanted)).all()
        return [
            RouteChange(_route(row), row.undo_to, row.rollout_id, entry_of(audit))
            for row, audit in found
        ]

    @contextlib.asynccontextmanager
    async def _changing(self) -> AsyncIterator[AsyncSession]:
        with translated():
            async with self._sessions.begin() as session:
                await count_up(session)
                yield session
        # What is committed is done: trouble with reading it back is not the caller's.
        await self.poll()


async def count_up(session: AsyncSession) -> None:
    """Begin a change of a route, or of what routes may name; it is the lock between them, too."""
    await session.execute(_COUNT_UP)


async def _keep(session: AsyncSession, unset: Route) -> RouteRow:
    deed = Deed(TRIPTYCH, "route.set", unset.alias, "as it was until now")
    return await _write(session, None, replace(unset, revision=1), deed, undo_to=None)


def _is_same(before: Route, wanted: Route) -> bool:
    return before == replace(wanted, revision=before.revision)


async def _before(
    session: AsyncSession, row: RouteRow | None, rollout_id: str | None
) -> int | None:
    """The revision that undoes a change of this row; of a rollout, all its steps before, too."""
    if row is None or rollout_id is None:
        return row.revision if row else None
    last = await session.get_one(RouteChangeRow, (row.alias, row.revision))
    return last.undo_to if last.rollout_id == rollout_id else row.revision


async def _check_wanted(session: AsyncSession, route: Route) -> None:
    unwanted = await session.scalars(
        select(ReleaseWishRow.release).where(
            ReleaseWishRow.release.in_(route.releases), ReleaseWishRow.is_wanted.is_(False)
        )
    )
    for release in unwanted:
        raise ReleaseNotReady(f"{release} was unloaded; load it first")


async def _write(
    session: AsyncSession,
    row: RouteRow | None,
    route: Route,
    deed: Deed,
    *,
    undo_to: int | None,
    rollout_id: str | None = None,
) -> RouteRow:
    content = route.to_json()
    told = replace(deed, detail={**content, "revision": route.revision, **deed.detail})
    audit_id = await write_audit(session, told)
    if row is None:
        row = RouteRow(alias=route.alias)
        session.add(row)
    row.revision, row.document = route.revision, json.dumps(content)
    change = RouteChangeRow(
        alias=route.alias,
        revision=route.revision,
        document=row.document,
        undo_to=undo_to,
        rollout_id=rollout_id,
        audit_id=audit_id,
    )
    session.add(change)
    await session.flush()
    return row


def _route(row: RouteRow | RouteChangeRow) -> Route:
    return Route.from_json(row.alias, row.revision, json.loads(row.document))
