"""The record of totals: each process replaces its own, all are added up, old ones go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.control_plane.database import open_database
from gateway.control_plane.experiments.totals_store import Counted, TotalsStore
from gateway.control_plane.tables import ArmTotalsRow
from gateway.rollouts.totals import ArmTotals, ItemOutcome, PairTotals

FIRST = Counted("digits", 2, "digits_r1")
SHADOW = Counted("digits", 2, "digits_r2")


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    opened = await open_database(f"sqlite+aiosqlite:///{tmp_path / 'triptych.db'}")
    yield opened
    await opened.dispose()


def arms(requests: int) -> ArmTotals:
    totals = ArmTotals()
    for _ in range(requests):
        totals.add(3.0, ["7"])
    return totals


async def test_a_process_replaces_its_own_totals_and_those_of_others_are_added(
    engine: AsyncEngine,
) -> None:
    store, pairs = TotalsStore(engine), PairTotals()
    pairs.add(ItemOutcome(3.0, labels=("7",)), ItemOutcome(4.0, labels=("7",)))
    await store.write("one", {FIRST: arms(1)}, {SHADOW: pairs})
    await store.write("one", {FIRST: arms(3)}, {})
    await store.write("another", {FIRST: arms(2)}, {SHADOW: pairs})
    assert (await store.arms("digits", [2]))[FIRST] == arms(5)
    assert (await store.pairs("digits", [2]))[SHADOW].pairs == 2
    assert await store.arms("digits", [1]) == {}
    assert await store.pairs("topics", [2]) == {}


async def test_what_nobody_added_to_for_a_quarter_of_a_year_is_deleted(
    engine: AsyncEngine,
) -> None:
    store = TotalsStore(engine)
    await store.write("one", {FIRST: arms(1)}, {})
    await store.write("another", {FIRST: arms(2)}, {})
    long_ago = datetime.now(UTC) - timedelta(days=91)
    age = update(ArmTotalsRow).where(ArmTotalsRow.reporter == "one").values(at=long_ago)
    async with engine.begin() as connection:
        await connection.execute(age)
    await store.clear_away()
    assert (await store.arms("digits", [2]))[FIRST] == arms(2)
