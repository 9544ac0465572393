"""From tables as older versions made them to those of today, in SQLite."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from gateway.control_plane import start_lock
from gateway.control_plane.api_key import Priority, Scope
from gateway.control_plane.database import database_url, open_database
from gateway.control_plane.keys import KeyStore
from gateway.control_plane.migrate import alembic_config
from gateway.control_plane.table_form import form_of, newest_form
from gateway.errors import StartRefused
from gateway.settings import GatewaySettings
from tests.released_keys import IN_SQLITE, ROWS, differences
from tests.unit.gateway.running_gateway import gateway_in_process


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A database file of version 0.1 with four keys."""
    file = tmp_path / "triptych.db"
    with sqlite3.connect(file) as database:
        database.execute(IN_SQLITE)
        database.executemany("INSERT INTO api_keys VALUES (?, ?, ?, ?, ?, ?)", ROWS)
    database.close()
    return file


async def test_migrations_make_the_tables_that_the_models_describe(tmp_path: Path) -> None:
    for _ in range(2):  # the second finds nothing to do
        engine = await open_database(f"sqlite:///{tmp_path}/new.db")
        async with engine.connect() as connection:
            assert await connection.run_sync(differences) == []
        await engine.dispose()


async def test_what_needs_no_migration_is_known_as_alembic_knows_it(tmp_path: Path) -> None:
    engine = await open_database(f"sqlite:///{tmp_path}/new.db")
    async with engine.connect() as connection:
        form = await connection.run_sync(form_of)
    await engine.dispose()

    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert form == newest_form() == head


async def test_gateways_that_start_at_once_migrate_once(
    released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{released}"
    engines = await asyncio.gather(*(open_database(url) for _ in range(4)))
    for engine in engines:
        assert len(await KeyStore(engine, "secret").list_all()) == len(ROWS)
        await engine.dispose()
    # And one that is stuck holds up the next only for a time.
    monkeypatch.setattr(start_lock, "_PATIENCE_SECONDS", 0.1)
    folder = os.open(released.parent, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    with pytest.raises(StartRefused, match="another gateway"):
        await open_database(url)
    os.close(folder)


async def test_a_database_of_version_0_1_is_brought_to_the_same_tables(released: Path) -> None:
    engine = await open_database(f"sqlite:///{released}")
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    keys = await KeyStore(engine, "secret").list_all()
    await engine.dispose()
    assert [(key.id, key.name, key.revoked_at is None) for key in keys] == [
        (key_id, name, revoked_at is None) for key_id, name, _, _, _, revoked_at in ROWS
    ]
    assert [key.tenant for key in keys] == [key.id for key in keys]
    assert keys[3].scopes == {Scope.METRICS, Scope.PREDICT}
    assert {key.priority for key in keys} == {Priority.INTERACTIVE}
    assert all(key.allowed is None and key.expires_at is None for key in keys)
    marks = [key.file_mark for key in keys]
    assert marks == [None, "admin@version-0.1", "ui@version-0.1", None]


async def test_a_digest_stays_unique_through_the_migration(released: Path) -> None:
    engine = await open_database(f"sqlite:///{released}")
    await engine.dispose()
    database = sqlite3.connect(released)
    columns = "(id, name, digest, scopes, created_at, tenant, priority)"
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        database.execute(
            f"INSERT INTO api_keys {columns} VALUES ('5', 'x', 'd4', 'predict', '', '5', 'batch')"  # noqa: S608 - all of it is written here
        )
    database.close()


async def test_the_first_keys_of_version_0_1_are_replaced_and_end(
    settings: GatewaySettings, released: Path
) -> None:
    upgraded = settings.model_copy(update={"state_dir": released.parent})
    async with gateway_in_process(upgraded) as gateway:
        listed = await gateway.client.get("/v1/admin/keys", headers=gateway.admin)
        live = [key for key in listed.json()["keys"] if key["revoked_at"] is None]
        assert [key["name"] for key in live] == ["app", "admin", "ui"]


async def test_tables_of_a_newer_gateway_refuse_the_start(tmp_path: Path) -> None:
    engine = await open_database(f"sqlite:///{tmp_path}/new.db")
    await engine.dispose()
    with sqlite3.connect(tmp_path / "new.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    with pytest.raises(StartRefused, match="9999 of a newer gateway"):
        await open_database(f"sqlite:///{tmp_path}/new.db")


async def test_a_file_that_is_no_database_refuses_the_start(tmp_path: Path) -> None:
    (tmp_path / "new.db").write_bytes(b"no database at all, but long enough to be looked at" * 99)
    with pytest.raises(StartRefused, match=r"new\.db cannot be used: file is not a database"):
        await open_database(f"sqlite:///{tmp_path}/new.db")


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("postgres://u:p@db/t", "postgresql+asyncpg://u:p@db/t"),
        ("postgresql://db/t?sslmode=require", "postgresql+asyncpg://db/t?ssl=require"),
        ("postgresql+asyncpg://db/t", "postgresql+asyncpg://db/t"),
        ("sqlite:////tmp/t.db", "sqlite+aiosqlite:////tmp/t.db"),
    ],
)
def test_an_address_may_be_written_as_other_programs_want_it(written: str, used: str) -> None:
    assert database_url(written).render_as_string(hide_password=False) == used


@pytest.mark.parametrize("address", ["mysql://u:pa55@db/t", "pa55", "postgresql+psycopg://pa55@db"])
async def test_an_address_of_no_known_database_refuses_the_start_and_keeps_the_password(
    address: str,
) -> None:
    with pytest.raises(StartRefused) as refused:
        await open_database(address)
    assert "pa55" not in str(refused.value)
