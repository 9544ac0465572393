"""Many wait, one works: who goes away takes nobody along, and nobody works for nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from gateway.data_plane.single_flight import Flight, SingleFlight
from tests.unit.gateway.running_gateway import until


class _Work:
    """Work that ends when the test says so."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.failure: Exception | None = None
        self.was_cancelled = False

    async def __call__(self) -> Mapping[str, int]:
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        if self.failure:
            raise self.failure
        return {"a": 1, "b": 2}


async def _wait_for(flight: Flight[str, int]) -> Mapping[str, int]:
    flight.board()
    try:
        return await flight.result()
    finally:
        flight.leave()


async def test_who_comes_while_it_is_under_way_gets_the_same_and_it_is_forgotten_at_its_end() -> (
    None
):
    flights: SingleFlight[str, int] = SingleFlight()
    work = _Work()
    flight = flights.start(["a", "b"], work())
    assert flights.under_way("a") is flight
    assert flights.under_way("b") is flight
    assert flights.under_way("c") is None
    waiters = [asyncio.create_task(_wait_for(flight)) for _ in range(3)]
    work.may_end.set()
    assert await asyncio.gather(*waiters) == [{"a": 1, "b": 2}] * 3
    assert flights.under_way("a") is None


async def test_a_leader_that_is_cancelled_leaves_its_followers_their_answer() -> None:
    flights: SingleFlight[str, int] = SingleFlight()
    work = _Work()
    flight = flights.start(["a"], work())
    leader, follower = (asyncio.create_task(_wait_for(flight)) for _ in range(2))
    await asyncio.sleep(0)
    leader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leader
    work.may_end.set()
    assert await follower == {"a": 1, "b": 2}


async def test_when_nobody_waits_any_more_the_work_is_cancelled_and_the_next_one_starts_anew() -> (
    None
):
    flights: SingleFlight[str, int] = SingleFlight()
    work = _Work()
    flight = flights.start(["a"], work())
    waiters = [asyncio.create_task(_wait_for(flight)) for _ in range(2)]
    await asyncio.sleep(0)
    for waiter in waiters:
        waiter.cancel()
    await asyncio.gather(*waiters, return_exceptions=True)
    assert flights.under_way("a") is None  # also before its task has seen the cancellation
    second = flights.start(["a"], _Work()())
    await until(lambda: work.was_cancelled)
    assert flights.under_way("a") is second  # the end of the first does not forget the second
    second.board()
    second.leave()


async def test_a_failure_reaches_everybody() -> None:
    flights: SingleFlight[str, int] = SingleFlight()
    work = _Work()
    work.failure = ValueError("no")
    flight = flights.start(["a"], work())
    waiters = [asyncio.create_task(_wait_for(flight)) for _ in range(2)]
    await asyncio.sleep(0)
    work.may_end.set()
    assert [repr(it) for it in await asyncio.gather(*waiters, return_exceptions=True)] == [
        "ValueError('no')"
    ] * 2
    assert flights.under_way("a") is None
