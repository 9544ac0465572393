"""Files tell whether a database can have changed; where they do not, it has to be asked."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from sqlalchemy import make_url

from gateway.control_plane.database_writes import DatabaseWrites

A_SECOND_NS = 1_000_000_000


def later() -> int:
    return time.time_ns() + A_SECOND_NS


def write(connection: sqlite3.Connection) -> None:
    with connection:
        connection.execute("insert into it values (1)")


def opened(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file)
    connection.execute("pragma journal_mode=wal")
    with connection:
        connection.execute("create table it (value int)")
    return connection


def test_every_commit_changes_the_stamp_and_a_look_does_not(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    writes = DatabaseWrites(make_url(f"sqlite:///{file}"), clock_ns=later)
    connection = opened(file)
    try:
        stamps = [writes.stamp()]
        for _ in range(3):
            write(connection)
            stamps.append(writes.stamp())
        connection.execute("select * from it").fetchall()
        assert len(set(stamps)) == 4
        assert writes.stamp() == stamps[-1] != None  # noqa: E711 - both are meant
        connection.execute("pragma wal_checkpoint(truncate)")
        assert writes.stamp() not in stamps
    finally:
        connection.close()


def test_files_that_have_just_been_written_tell_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    connection = opened(file)
    try:
        now_ns = Path(f"{file}-wal").stat().st_mtime_ns
        clock = iter(
            [now_ns, now_ns + A_SECOND_NS // 20, now_ns - A_SECOND_NS, now_ns + A_SECOND_NS]
        )
        writes = DatabaseWrites(make_url(f"sqlite:///{file}"), clock_ns=lambda: next(clock))
        assert [writes.stamp() is None for _ in range(4)] == [True, True, True, False]
    finally:
        connection.close()


def test_other_databases_and_missing_files_tell_nothing(tmp_path: Path) -> None:
    for url in ("postgresql://nobody@127.0.0.1/it", "sqlite://", f"sqlite:///{tmp_path}/no.db"):
        assert DatabaseWrites(make_url(url), clock_ns=later).stamp() is None
