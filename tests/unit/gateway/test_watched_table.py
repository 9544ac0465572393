"""A table that is kept in memory: asked about only where somebody can have written."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from gateway.control_plane.database_writes import DatabaseWrites
from gateway.control_plane.watched_table import WatchedTable


def later() -> int:
    """So that no write is fresh."""
    return time.time_ns() + 1_000_000_000


async def test_the_database_is_asked_again_after_a_write_of_anybody_and_not_before(
    tmp_path: Path,
) -> None:
    file = tmp_path / "a.db"
    with closing(sqlite3.connect(file)) as other:
        other.executescript("pragma journal_mode=wal; create table it (value int)")
        other.executescript("insert into it values (1)")
        engine = create_async_engine(f"sqlite+aiosqlite:///{file}")
        asked: list[str] = []
        event.listen(
            engine.sync_engine, "before_cursor_execute", lambda *it: asked.append(str(it[2]))
        )
        known: list[int] = []

        async def read(session: AsyncSession) -> None:
            known.append((await session.execute(text("select value from it"))).scalar_one())

        counter: Any = text("select value from it")
        writes = DatabaseWrites(engine.url, clock_ns=later)
        table = WatchedTable(async_sessionmaker(engine), counter, read, "numbers", writes)
        await table.poll()
        assert known == [1]
        asked.clear()
        await table.poll()
        assert asked == []
        other.executescript("update it set value = 2")
        await table.poll()
        assert known == [1, 2]
        await engine.dispose()


async def test_after_trouble_it_asks_again_although_nobody_wrote(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    with closing(sqlite3.connect(file)) as other:
        other.executescript("pragma journal_mode=wal; create table it (value int)")
        other.executescript("insert into it values (1)")
        engine = create_async_engine(f"sqlite+aiosqlite:///{file}")
        troubles = [OSError("no"), None]

        async def read(_: AsyncSession) -> None:
            trouble = troubles.pop(0)
            if trouble:
                raise trouble

        counter: Any = text("select value from it")
        writes = DatabaseWrites(engine.url, clock_ns=later)
        table = WatchedTable(async_sessionmaker(engine), counter, read, "numbers", writes)
        await table.poll()
        await table.poll()
        assert troubles == []
        await engine.dispose()
