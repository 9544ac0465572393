"""The record of usage in both databases, for real; no Triton is needed here."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.control_plane.database import open_database
from gateway.control_plane.key_usage.usage import KeyUsage, Usage
from gateway.control_plane.key_usage.usage_counts import Counted, KeyDay
from gateway.control_plane.key_usage.usage_store import UsageStore
from gateway.control_plane.tables import KeyUsageRow

NOW = datetime(2026, 5, 3, 8, 32, 5, 250_000, tzinfo=UTC)
TODAY = NOW.date()
ONE = Usage(requests=1, items=2, body_bytes=2**40, refused=1)


def counted(*, days_ago: int = 0, seconds_ago: float = 0.0) -> Counted:
    return Counted(ONE, NOW - timedelta(days=days_ago, seconds=seconds_ago))


def days_ago(days: int) -> date:
    return TODAY - timedelta(days=days)


async def test_usage_is_told_by_key_of_today_and_of_thirty_days(engine: AsyncEngine) -> None:
    store = UsageStore(engine, clock=lambda: NOW)
    for days in (0, 29, 30, 89):
        await store.add({KeyDay("one", days_ago(days)): counted(days_ago=days)})
    await store.add({KeyDay("two", days_ago(60)): counted(days_ago=60)})

    of_one = KeyUsage(ONE, ONE + ONE, NOW)
    assert await store.of("one") == of_one
    assert await store.of("nobody") == KeyUsage()
    of_two = KeyUsage(last_used_at=NOW - timedelta(days=60))
    assert await store.of_all() == {"one": of_one, "two": of_two}


async def test_the_later_use_is_the_last_one_in_whatever_order_they_are_written(
    engine: AsyncEngine,
) -> None:
    store = UsageStore(engine, clock=lambda: NOW)
    for seconds in (60.0, 0.0, 30.0):
        await store.add({KeyDay("one", TODAY): counted(seconds_ago=seconds)})

    assert (await store.of("one")).last_used_at == NOW


async def test_many_processes_that_write_at_once_lose_nothing(
    database: str, engine: AsyncEngine
) -> None:
    others = [await open_database(database) for _ in range(3)]
    stores = [UsageStore(it, clock=lambda: NOW) for it in (engine, *others)]
    names = [f"key{number}" for number in range(20)]
    both_ways = (names, names[::-1])
    await asyncio.gather(
        *(
            store.add({KeyDay(name, TODAY): counted() for name in both_ways[turn % 2]})
            for turn in range(10)
            for store in stores
        )
    )

    used = await stores[0].of_all()
    assert {name: usage.today.requests for name, usage in used.items()} == dict.fromkeys(names, 40)
    for other in others:
        await other.dispose()


async def test_what_is_older_than_a_quarter_of_a_year_is_deleted(engine: AsyncEngine) -> None:
    store = UsageStore(engine, clock=lambda: NOW)
    for days in (90, 91):
        await store.add({KeyDay("one", days_ago(days)): counted(days_ago=days)})
    await store.clear_away()

    async with engine.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(KeyUsageRow)) == 1
