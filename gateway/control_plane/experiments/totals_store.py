"""The record of what was counted: each gateway process replaces its own rows, readers add up."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, TypeVar, cast

from sqlalchemy import CursorResult, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from gateway.control_plane.tables import (
    ArmTotalsRow,
    PairTotalsRow,
    RolloutDecisionRow,
    TotalsRow,
)
from gateway.control_plane.transactions import translated
from gateway.rollouts.totals import ArmTotals, PairTotals

_KEPT_FOR: Final = timedelta(days=90)


Totals = TypeVar("Totals", ArmTotals, PairTotals)


class Counted(NamedTuple):
    """What is counted apart: one release, while a route stood at one revision."""

    alias: str
    revision: int
    release: str
    """The arm, or the shadow."""


class TotalsStore:
    """Writes and reads them.

    Args:
        engine: The control plane's database.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)

    async def write(
        self,
        reporter: str,
        arms: Mapping[Counted, ArmTotals],
        pairs: Mapping[Counted, PairTotals],
    ) -> None:
        """Replace what this process has counted since it began to report.

        Args:
            reporter: Of this process alone, and of no other that ever was.
            arms: What changed since the last time, whole.
            pairs: Likewise.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        with translated():
            async with self._sessions.begin() as session:
                for counted, of_arm in arms.items():
                    await _replace(session, ArmTotalsRow, reporter, counted, of_arm)
                for counted, of_pairs in pairs.items():
                    await _replace(session, PairTotalsRow, reporter, counted, of_pairs)

    async def clear_away(self) -> None:
        """Delete what no process has added to, and what was decided, a quarter of a year ago.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        before = datetime.now(UTC) - _KEPT_FOR
        with translated():
            async with self._sessions.begin() as session:
                for table in (ArmTotalsRow, PairTotalsRow, RolloutDecisionRow):
                    await session.execute(delete(table).where(table.at < before))

    async def arms(self, alias: str, revisions: Collection[int]) -> dict[Counted, ArmTotals]:
        """What all gateways counted of the arms of an alias.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        return await self._sums(ArmTotalsRow, ArmTotals, alias, revisions)

    async def pairs(self, alias: str, revisions: Collection[int]) -> dict[Counted, PairTotals]:
        """What all gateways counted of mirrored items.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        return await self._sums(PairTotalsRow, PairTotals, alias, revisions)

    async def _sums(
        self,
        table: type[TotalsRow],
        kind: type[Totals],
        alias: str,
        revisions: Collection[int],
    ) -> dict[Counted, Totals]:
        wanted = select(table).where(table.alias == alias, table.revision.in_(revisions))
        found: dict[Counted, Totals] = {}
        with translated():
            async with self._sessions() as session:
                for row in await session.scalars(wanted):
                    counted = Counted(row.alias, row.revision, row.release)
                    totals = kind.from_json(json.loads(row.totals))
                    found[counted] = found.get(counted, kind()) + totals
        return found


async def _replace(
    session: AsyncSession,
    table: type[TotalsRow],
    reporter: str,
    counted: Counted,
    totals: ArmTotals | PairTotals,
) -> None:
    key = {**counted._asdict(), "reporter": reporter}
    values = {
        "totals": json.dumps(totals.to_json(), ensure_ascii=False),
        "at": datetime.now(UTC),
    }
    # A write comes first: SQLite refuses to turn a reader into a writer while another one writes.
    changed = await session.execute(update(table).filter_by(**key).values(**values))
    if not cast(CursorResult[Any], changed).rowcount:
        await session.execute(insert(table).values(**key, **values))
