"""What somebody wants of releases besides what routes need: the record of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from gateway.control_plane.audit import Deed, write_audit
from gateway.control_plane.control_errors import ReleaseInUse
from gateway.control_plane.routing.route_store import count_up
from gateway.control_plane.tables import ReleaseWishRow, RouteRow
from gateway.control_plane.transactions import translated
from triptych.routing import Route


class ReleaseWishes:
    """Changes and reads them. A change takes the same lock as a change of a route.

    Args:
        engine: The control plane's database.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)

    async def want(self, deed: Deed) -> None:
        """Want a release, the deed's subject, to be loaded.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        with translated():
            async with self._sessions.begin() as session:
                await count_up(session)
                await _write(session, deed, is_wanted=True)

    async def do_not_want(self, deed: Deed, first_routes: Mapping[str, str]) -> None:
        """Want a release, the deed's subject, not to be loaded; no route may name it from now on.

        Args:
            deed: Who wants that and why.
            first_routes: By alias, what it means where nobody has set its route.

        Raises:
            ReleaseInUse: a route names it.
            DatabaseUnavailable: the database does not answer.
        """
        with translated():
            async with self._sessions.begin() as session:
                await count_up(session)
                stored = (await session.scalars(select(RouteRow))).all()
                _check_unused(deed.subject, stored, first_routes)
                await _write(session, deed, is_wanted=False)

    async def restore(self, deed: Deed, is_wanted: bool | None) -> None:
        """Want again what was wanted of a release, the deed's subject; None is nothing special.

        Where somebody has said something else meanwhile, that stands.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        with translated():
            async with self._sessions.begin() as session:
                await count_up(session)
                row = await session.get(ReleaseWishRow, deed.subject)
                if row is None or row.is_wanted:
                    return
                if is_wanted is not None:
                    await _write(session, deed, is_wanted=is_wanted)
                    return
                await write_audit(session, deed)
                await session.delete(row)

    async def all(self) -> dict[str, bool]:
        """Whether each release that somebody spoke about is wanted.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        with translated():
            async with self._sessions() as session:
                rows = await session.scalars(select(ReleaseWishRow))
                return {row.release: row.is_wanted for row in rows}


def _check_unused(
    release: str, stored: Collection[RouteRow], first_routes: Mapping[str, str]
) -> None:
    for row in stored:
        route = Route.from_json(row.alias, row.revision, json.loads(row.document))
        if release in route.releases:
            raise ReleaseInUse(f"the route {row.alias!r} names {release}; change that first")
    aliases = {row.alias for row in stored}
    for alias, first in first_routes.items():
        if first == release and alias not in aliases:
            raise ReleaseInUse(
                f"{alias!r} means its first release {release} until its route is set"
            )


async def _write(session: AsyncSession, deed: Deed, *, is_wanted: bool) -> None:
    audit_id = await write_audit(session, deed)
    row = await session.get(ReleaseWishRow, deed.subject)
    if row is None:
        row = ReleaseWishRow(release=deed.subject)
        session.add(row)
    row.is_wanted, row.audit_id = is_wanted, audit_id
