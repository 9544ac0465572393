"""The store of keys against both databases, for real; no Triton is needed here."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.control_plane.api_key import KeyTerms, Priority, Scope
from gateway.control_plane.database import open_database
from gateway.control_plane.first_keys import FirstKeys
from gateway.control_plane.keys import KeyStore
from gateway.control_plane.start_lock import start_lock
from gateway.errors import (
    DatabaseUnavailable,
    ExpiredApiKey,
    LastAdminKey,
    StartRefused,
    UnknownApiKey,
    UnknownKey,
)
from tests.real_postgres import RealPostgres
from tests.released_keys import IN_POSTGRESQL, ROWS, differences
from tests.unit.gateway.running_gateway import until

APP = KeyTerms(name="app", scopes=frozenset({Scope.PREDICT}))
ADMIN = KeyTerms(name="operator", scopes=frozenset({Scope.ADMIN}))


async def test_all_terms_survive_the_database(engine: AsyncEngine) -> None:
    keys = KeyStore(engine, "secret")
    terms = KeyTerms(
        name="Zürich ☃",
        scopes=frozenset({Scope.PREDICT, Scope.METRICS}),
        allowed=frozenset({"digits", "digits_r2"}),
        priority=Priority.BATCH,
        expires_at=datetime(2099, 1, 31, 12, tzinfo=UTC),
        requests_per_minute=600,
        bytes_per_minute=2**53 - 1,
        max_concurrency=4,
    )
    made, secret = await keys.create(terms, tenant="acme")
    other = KeyStore(engine, "secret")
    await other.refresh()
    assert await other.recognise(secret) == made
    assert (await other.list_all()) == [made]
    for name, value in vars(terms).items():
        assert getattr(made, name) == value


async def test_every_change_of_one_gateway_is_seen_by_the_next_poll_of_another(
    engine: AsyncEngine,
) -> None:
    here, there = KeyStore(engine, "secret"), KeyStore(engine, "secret")
    key, first = await here.create(APP)
    await there.poll()
    assert await there.recognise(first) == key
    changed = await here.change(key.id, lambda terms: replace(terms, max_concurrency=2))
    await there.poll()
    assert await there.recognise(first) == changed
    _, second = await here.rotate(key.id, 0)
    await there.poll()
    assert (await there.recognise(second)).id == key.id
    with pytest.raises(UnknownApiKey):
        await there.recognise(first)
    await here.revoke(key.id)
    await there.poll()
    with pytest.raises(UnknownApiKey):
        await there.recognise(second)
    with pytest.raises(UnknownKey):
        await here.revoke(key.id)


async def test_grace_and_expiry_are_judged_by_the_clock_of_the_gateway(
    engine: AsyncEngine,
) -> None:
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    keys = KeyStore(engine, "secret", clock=lambda: now)
    key, first = await keys.create(replace(APP, expires_at=now + timedelta(hours=1)))
    _, second = await keys.rotate(key.id, 60)
    assert await keys.recognise(first) == await keys.recognise(second)
    now += timedelta(seconds=60)
    with pytest.raises(UnknownApiKey):
        await keys.recognise(first)
    now += timedelta(hours=1)
    with pytest.raises(ExpiredApiKey):
        await keys.recognise(second)


async def test_admin_keys_that_revoke_each_other_at_once_leave_one(engine: AsyncEngine) -> None:
    keys = KeyStore(engine, "secret")
    for _ in range(10):
        one, other = [(await keys.create(ADMIN))[0] for _ in range(2)]
        earlier = [
            it.id
            for it in await keys.list_all()
            if it.revoked_at is None and it.id not in {one.id, other.id}
        ]
        for key_id in earlier:
            await keys.revoke(key_id)
        outcomes = await asyncio.gather(
            KeyStore(engine, "secret").revoke(one.id),
            KeyStore(engine, "secret").revoke(other.id),
            return_exceptions=True,
        )
        assert sorted(type(outcome).__name__ for outcome in outcomes) == [
            "LastAdminKey",
            "NoneType",
        ]


async def test_many_changes_at_once_are_all_made(database: str, engine: AsyncEngine) -> None:
    others = [await open_database(database) for _ in range(3)]
    stores = [KeyStore(it, "secret") for it in (engine, *others)]
    await asyncio.gather(*(store.create(APP) for store in stores for _ in range(10)))
    assert len(await stores[0].list_all()) == 40
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT revision FROM key_revision")) == 41
    for other in others:
        await other.dispose()


async def test_tables_and_models_agree_however_often_and_however_many_migrate(
    database: str,
) -> None:
    engines = await asyncio.gather(*(open_database(database) for _ in range(4)))
    async with engines[0].connect() as connection:
        assert await connection.run_sync(differences) == []
    for engine in engines:
        await engine.dispose()


async def test_a_table_of_version_0_1_is_migrated_with_its_keys(
    postgres: RealPostgres,
) -> None:
    url = postgres.new_database()
    before = await open_database(url)
    async with before.begin() as connection:  # back to what create_all of version 0.1 made
        await connection.execute(text("DROP SCHEMA public CASCADE"))
        await connection.execute(text("CREATE SCHEMA public"))
        await connection.execute(text(IN_POSTGRESQL))
        for row in ROWS:
            values = ", ".join("NULL" if it is None else f"'{it}'" for it in row)
            await connection.execute(text(f"INSERT INTO api_keys VALUES ({values})"))  # noqa: S608 - all of it is written here
    await before.dispose()
    after = await open_database(url)
    async with after.connect() as connection:
        assert await connection.run_sync(differences) == []
    keys = await KeyStore(after, "secret").list_all()
    assert [key.id for key in keys] == [row[0] for row in ROWS]
    marks = [key.file_mark for key in keys]
    assert marks == [None, "admin@version-0.1", "ui@version-0.1", None]
    await after.dispose()


async def test_only_one_holds_the_start_lock(database: str, engine: AsyncEngine) -> None:
    other = await open_database(database)
    inside: list[str] = []

    async def hold(who: AsyncEngine, name: str) -> None:
        async with start_lock(who):
            inside.append(f"{name} in")
            await asyncio.sleep(0.2)
            inside.append(f"{name} out")

    await asyncio.gather(hold(engine, "a"), hold(other, "b"))
    assert inside in (["a in", "a out", "b in", "b out"], ["b in", "b out", "a in", "a out"])
    await other.dispose()


async def test_folders_that_share_a_table_keep_their_own_first_keys(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    keys = KeyStore(engine, "secret")
    for name in ("one", "two", "one", "two"):
        (tmp_path / name).mkdir(exist_ok=True)
        await FirstKeys(keys, tmp_path / name).ensure()
    live = [key for key in await keys.list_all() if key.revoked_at is None]
    assert sorted(key.name for key in live) == ["admin", "admin", "ui", "ui"]
    (tmp_path / "one" / "admin.key").unlink()
    await FirstKeys(keys, tmp_path / "one").ensure()
    still_live = [key.id for key in await keys.list_all() if key.revoked_at is None]
    assert len(still_live) == 4
    assert len({*still_live} & {key.id for key in live}) == 3


@pytest.mark.parametrize("before", ["rotated", "made anew"])
async def test_a_folder_that_is_an_old_copy_ends_no_key_of_the_others(
    engine: AsyncEngine, tmp_path: Path, before: str
) -> None:
    """Each pod starts from what the secret store has, which may be behind the table."""
    keys, first, copy = KeyStore(engine, "secret"), tmp_path / "first", tmp_path / "copy"
    first.mkdir()
    await FirstKeys(keys, first).ensure(is_own_database=False)
    shutil.copytree(first, copy)
    if before == "rotated":
        (admin,) = [key for key in await keys.list_all() if key.name == "admin"]
        rotated, secret = await keys.rotate(admin.id, 0)
        FirstKeys(keys, first).keep_rotated(rotated, secret)
    else:
        (first / "admin.key").unlink()
        await FirstKeys(keys, first).ensure(is_own_database=False)
    live = [key for key in await keys.list_all() if key.revoked_at is None]

    await FirstKeys(keys, copy).ensure(is_own_database=False)

    assert [key for key in await keys.list_all() if key.revoked_at is None] == live
    assert await keys.recognise((first / "admin.key").read_text().strip())


async def test_gateways_that_share_a_database_must_share_the_hash_secret(
    engine: AsyncEngine,
) -> None:
    await KeyStore(engine, "secret").agree_on_secret(is_own_database=False)
    await KeyStore(engine, "secret").agree_on_secret(is_own_database=False)
    with pytest.raises(StartRefused, match=r"key-hash\.secret"):
        await KeyStore(engine, "another").agree_on_secret(is_own_database=False)


async def test_keys_stay_in_force_while_postgresql_is_down_or_silent(
    postgres: RealPostgres, caplog: pytest.LogCaptureFixture
) -> None:
    engine = await open_database(postgres.new_database())
    keys = KeyStore(engine, "secret")
    key, secret = await keys.create(APP)
    postgres.stop()
    for _ in range(3):
        await keys.poll()
        assert await keys.recognise(secret) == key
    with pytest.raises(DatabaseUnavailable):
        await keys.create(APP)
    assert caplog.text.count("cannot read the keys") == 1
    postgres.start()

    async def is_back() -> bool:
        await keys.poll()
        return "can be read again" in caplog.text

    await until(is_back, seconds=10)
    caplog.clear()
    postgres.pause()
    try:
        async with asyncio.timeout(8):
            await keys.poll()
        assert await keys.recognise(secret) == key
        assert "cannot read the keys" in caplog.text
    finally:
        postgres.resume()
    await until(is_back, seconds=10)
    await keys.revoke(key.id)
    await engine.dispose()


async def test_a_database_that_is_not_there_refuses_the_start_in_one_sentence(
    postgres: RealPostgres,
) -> None:
    wrong = f"postgresql://postgres@127.0.0.1:{postgres.port}/nowhere"
    nobody = "postgresql://u:pa55@127.0.0.1:1/keys"
    for url in (wrong, nobody):
        with pytest.raises(StartRefused, match="cannot be used") as refused:
            await open_database(url)
        assert "\n" not in str(refused.value)
        assert "pa55" not in str(refused.value)


async def test_the_last_admin_key_cannot_be_revoked(engine: AsyncEngine) -> None:
    keys = KeyStore(engine, "secret")
    key, _ = await keys.create(ADMIN)
    with pytest.raises(LastAdminKey):
        await keys.revoke(key.id)
