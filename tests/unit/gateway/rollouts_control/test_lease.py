"""Who drives: two contenders, one row, and a clock that the test turns."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker

from gateway.control_plane.rollouts.lease import Lease, LeaseLost
from tests.unit.gateway.rollouts_control.driven import Clock, World


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_one_of_two_gets_it_and_keeps_it(engine: AsyncEngine, clock: Clock) -> None:
    one, other = (Lease(engine, "worker", clock=clock) for _ in range(2))
    for _ in range(20):
        assert await one.keep()
        assert not await other.keep()
        assert (one.is_held, other.is_held) == (True, False)
        clock.now += 1.0


async def test_one_that_stands_still_for_five_seconds_loses_it(
    engine: AsyncEngine, clock: Clock
) -> None:
    one, other = (Lease(engine, "worker", clock=clock) for _ in range(2))
    await one.keep()
    taken = []
    for _ in range(7):
        taken.append(await other.keep())
        clock.now += 1.0
    assert taken == [False] * 5 + [True, True]
    assert not one.is_held
    assert not await one.keep()


async def test_one_that_is_given_back_is_taken_at_once(engine: AsyncEngine, clock: Clock) -> None:
    one, other = (Lease(engine, "worker", clock=clock) for _ in range(2))
    await one.keep()
    assert not await other.keep()
    await one.give_back()
    assert await other.keep()
    assert not one.is_held


async def test_it_counts_for_two_seconds_only(engine: AsyncEngine, clock: Clock) -> None:
    lease = Lease(engine, "worker", clock=clock)
    await lease.keep()
    clock.now += 1.9
    assert lease.is_held
    clock.now += 0.1
    assert not lease.is_held


async def test_who_has_lost_it_commits_nothing(engine: AsyncEngine, clock: Clock) -> None:
    one, other = (Lease(engine, "worker", clock=clock) for _ in range(2))
    await one.keep()
    await other.keep()
    clock.now += 5.0
    assert await other.keep()
    sessions = async_sessionmaker(engine)
    async with sessions.begin() as session:
        await other.confirm(session)
    with pytest.raises(LeaseLost):
        async with sessions.begin() as session:
            await one.confirm(session)


async def test_a_driver_without_the_lease_moves_no_traffic(engine: AsyncEngine) -> None:
    world = World(engine)
    await world.start()
    holder, late = (Lease(engine, "worker", clock=world.clock) for _ in range(2))
    await holder.keep()
    await world.run(world.driver(holder.confirm), 3)
    before = await world.route()
    with pytest.raises(LeaseLost):
        await world.run(world.driver(late.confirm), 30)
    assert await world.route() == before
