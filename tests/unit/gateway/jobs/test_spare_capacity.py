"""A job has all that nobody else wants, and steps aside for who waits."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import pytest

from gateway.errors import InferenceUnavailable
from gateway.jobs.runner.spare_capacity import Counted, SpareCapacity

LARGEST: Final = 32


class Seconds:
    """A clock that somebody moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Statistics:
    """Triton's, as a test wants them."""

    def __init__(self) -> None:
        self.requests = 1000
        self.is_away = False

    async def __call__(self, release: str) -> Counted:
        assert release == "digits_r1"
        if self.is_away:
            raise InferenceUnavailable("nobody is there")
        return Counted(self.requests, servers=1)


class Rig:
    """Spare capacity, and all it depends on."""

    def __init__(self) -> None:
        self.clock = Seconds()
        self.statistics = Statistics()
        self.spare = SpareCapacity("digits_r1", LARGEST, self.statistics, self.clock)

    async def call(self, *, fixed_ms: float = 2.0, item_ms: float = 0.1) -> int:
        """Make one call that takes so long, and tell how many items it may have had."""
        async with self.spare.turn() as turn:
            self.clock.now += (fixed_ms + item_ms * turn.most) / 1000
            self.statistics.requests += 1
            turn.sent = turn.most
        return turn.most

    async def calls(self, count: int, *, item_ms: float = 0.1) -> int:
        """Make several; what the last may have had."""
        return [await self.call(item_ms=item_ms) for _ in range(count)][-1]

    async def look(self, *, others: int = 0) -> None:
        """Half a second later, so many others were answered."""
        self.clock.now += 0.5
        self.statistics.requests += others
        await self.spare.look()


async def test_calls_grow_to_full_batches_while_nobody_else_asks() -> None:
    rig = Rig()

    assert await rig.call() == 1
    assert await rig.calls(24) == LARGEST
    for _ in range(8):
        await rig.look()
        await rig.calls(20)

    assert not rig.spare.is_polite


async def test_no_call_takes_much_longer_than_a_tenth_of_a_second() -> None:
    rig = Rig()

    sizes = [await rig.call(item_ms=30) for _ in range(100)]

    assert max(sizes[20:]) <= 4


async def test_two_calls_are_under_way_while_nobody_else_asks() -> None:
    rig = Rig()
    inside: list[int] = []
    let_go = asyncio.Event()

    async def hold(number: int) -> None:
        async with rig.spare.turn():
            inside.append(number)
            await let_go.wait()

    tasks = [asyncio.create_task(hold(number)) for number in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert inside == [0, 1]

    let_go.set()
    await asyncio.gather(*tasks)
    assert inside == [0, 1, 2]


async def test_canaries_are_nobody() -> None:
    rig = Rig()

    for number in range(20):
        await rig.look(others=number % 2)
        await rig.calls(5)

    assert not rig.spare.is_polite


async def test_when_others_ask_calls_are_as_short_as_one_item_or_a_half_more() -> None:
    rig = Rig()
    assert await rig.calls(24) == LARGEST
    await rig.look()
    await rig.look(others=20)
    assert rig.spare.is_polite

    sizes = []
    for _ in range(10):
        await rig.look(others=20)
        sizes += [await rig.call() for _ in range(10)]

    # One item takes 2.1 ms, and eight take 2.8.
    assert sizes[:3] == [1, 1, 1]
    assert sizes[50:].count(8) > 40
    assert max(sizes) == 16


async def test_one_call_is_under_way_when_others_ask() -> None:
    rig = Rig()
    await rig.look()
    await rig.look(others=20)
    order: list[str] = []

    async def hold(number: int) -> None:
        async with rig.spare.turn():
            order.append(f"in {number}")
            await asyncio.sleep(0)
            order.append(f"out {number}")

    await asyncio.gather(hold(0), hold(1))

    assert order == ["in 0", "out 0", "in 1", "out 1"]


async def test_when_the_others_have_gone_calls_are_full_again() -> None:
    rig = Rig()
    await rig.calls(24)
    await rig.look()
    await rig.look(others=20)
    await rig.calls(10)

    for _ in range(12):
        await rig.look()

    assert not rig.spare.is_polite
    assert await rig.call() == LARGEST


async def test_statistics_that_cannot_be_read_change_nothing() -> None:
    rig = Rig()
    await rig.look()
    rig.statistics.is_away = True
    await rig.look(others=50)
    rig.statistics.is_away = False
    await rig.look(others=50)

    assert not rig.spare.is_polite


async def test_a_server_that_starts_again_counts_from_nothing() -> None:
    rig = Rig()
    await rig.look()
    rig.statistics.requests = 0

    await rig.look()

    assert not rig.spare.is_polite


async def test_turns_in_which_nothing_was_left_to_ask_hide_nobody() -> None:
    """Two lanes wait for the last items of a chunk; one gets them."""
    rig = Rig()
    await rig.look()

    for _ in range(4):
        for _ in range(3):
            async with rig.spare.turn():
                pass
        await rig.look(others=3)

    assert rig.spare.is_polite


async def test_calls_that_failed_hide_nobody() -> None:
    rig = Rig()
    await rig.look()

    for _ in range(4):
        for _ in range(3):
            with contextlib.suppress(InferenceUnavailable):
                async with rig.spare.turn() as turn:
                    turn.sent = 1
                    raise InferenceUnavailable("nobody is there")
        await rig.look(others=3)

    assert rig.spare.is_polite


async def test_only_calls_of_the_full_size_tell_how_long_such_a_call_takes() -> None:
    rig = Rig()

    for _ in range(20):
        async with rig.spare.turn() as turn:
            turn.sent = 1

    assert await rig.call() == 2


async def test_calls_that_are_slow_though_not_full_make_them_smaller() -> None:
    rig = Rig()
    assert await rig.calls(24) == LARGEST

    for _ in range(12):
        async with rig.spare.turn() as turn:
            turn.sent = min(turn.most, 20)
            rig.clock.now += 0.02 * turn.sent

    assert turn.most <= 8


async def test_a_call_that_fails_gives_its_place_back() -> None:
    rig = Rig()

    for _ in range(3):
        with pytest.raises(InferenceUnavailable):
            async with rig.spare.turn():
                raise InferenceUnavailable("nobody is there")

    assert await rig.call() == 1
