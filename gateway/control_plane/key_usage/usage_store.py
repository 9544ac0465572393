"""The record of usage: every gateway process adds to one row per key and day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Executable, Row, Select, case, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker

from gateway.control_plane.key_rows import utc
from gateway.control_plane.key_usage.usage import KeyUsage, Usage
from gateway.control_plane.key_usage.usage_counts import Counted, KeyDay
from gateway.control_plane.tables import KeyUsageRow
from gateway.control_plane.transactions import in_turns, translated

_KEPT_FOR: Final = timedelta(days=90)
_SHOWN_DAYS: Final = timedelta(days=30)
_COUNTS: Final = ("requests", "items", "body_bytes", "refused")

# One row per key.
_Sums = Select[*tuple[Any, ...]]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class UsageStore:
    """Writes and reads it.

    Args:
        engine: The control plane's database.
        clock: The time in UTC.
    """

    def __init__(self, engine: AsyncEngine, clock: Callable[[], datetime] = _utc_now) -> None:
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self._add = _addition(engine.dialect.name)
        self._clock = clock

    async def add(self, counts: Mapping[KeyDay, Counted]) -> None:
        """Add what one process has counted.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        # In one order, so that two who write at once never wait for each other.
        rows = [_values(key_day, counts[key_day]) for key_day in sorted(counts)]
        with translated():
            async with self._sessions.begin() as session:
                await session.execute(self._add, rows)

    async def clear_away(self) -> None:
        """Delete what is older than a quarter of a year.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        too_old = KeyUsageRow.day < self._clock().date() - _KEPT_FOR
        with translated():
            async with self._sessions.begin() as session:
                await session.execute(delete(KeyUsageRow).where(too_old))

    async def of_all(self) -> dict[str, KeyUsage]:
        """What each key has asked for, by its id; one that is not there was not used.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        return await self._read(_sums(self._clock().date()))

    async def of(self, key_id: str) -> KeyUsage:
        """The same of one key.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        wanted = _sums(self._clock().date()).where(KeyUsageRow.key_id == key_id)
        return (await self._read(wanted)).get(key_id, KeyUsage())

    async def _read(self, wanted: _Sums) -> dict[str, KeyUsage]:
        with translated():
            async with self._sessions() as session:
                rows = in_turns(await session.execute(wanted))
                return {row.key_id: _usage(row) async for row in rows}


def _addition(dialect: str) -> Executable:
    # The same words in both, but SQLAlchemy has them once for each.
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    adding = insert(KeyUsageRow)
    new, old = adding.excluded, KeyUsageRow
    later = case((new.last_used_at > old.last_used_at, new.last_used_at), else_=old.last_used_at)
    sums = {name: getattr(old, name) + new[name] for name in _COUNTS}
    return adding.on_conflict_do_update(
        index_elements=["key_id", "day"], set_={**sums, "last_used_at": later}
    )


def _values(key_day: KeyDay, counted: Counted) -> dict[str, object]:
    return {**key_day._asdict(), **vars(counted.usage), "last_used_at": counted.last_used_at}


def _sums(today: date) -> _Sums:
    """One row per key: each count of today, and of the last days with today."""
    begins = {"today": today, "recent": today - _SHOWN_DAYS + timedelta(days=1)}
    sums = [
        func.sum(case((KeyUsageRow.day >= begin, getattr(KeyUsageRow, name)), else_=0)).label(
            f"{when}_{name}"
        )
        for when, begin in begins.items()
        for name in _COUNTS
    ]
    last = func.max(KeyUsageRow.last_used_at).label("last_used_at")
    return select(KeyUsageRow.key_id, *sums, last).group_by(KeyUsageRow.key_id)


def _usage(row: Row[Any]) -> KeyUsage:
    # PostgreSQL's sums of large integers are decimals.
    of_today, recent = (
        Usage(*(int(row._mapping[f"{when}_{name}"]) for name in _COUNTS))
        for when in ("today", "recent")
    )
    return KeyUsage(of_today, recent, utc(row.last_used_at))
