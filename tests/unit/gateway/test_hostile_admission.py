"""Findings of the hostile review: admission. Each fails on cac1d2b."""

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.control_plane.api_key import Priority
from gateway.data_plane.admission.adaptive_limit import AdaptiveLimit
from gateway.data_plane.admission.fair_queue import FairQueue
from gateway.data_plane.admission.release_line import ReleaseLine
from gateway.data_plane.admission.shared_places import SharedPlaces
from gateway.data_plane.disconnect import CancelOnDisconnect
from gateway.errors import InferenceTimeout, KeyOverloaded, Overloaded

MIB = 1024 * 1024


def test_one_key_cannot_declare_all_the_bytes() -> None:
    places = SharedPlaces("bytes", 256 * MIB)
    for size in (85, 85, 86):
        try:
            places.take("greedy", size * MIB)
        except (Overloaded, KeyOverloaded):
            break
    assert places.taken <= 256 * MIB * 2 / 3
    places.take("somebody else", 1000)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _call(limit: AdaptiveLimit, clock: Clock, seconds: float) -> None:
    call = limit.begin(in_flight=1, items=1, size_bytes=70_000)
    clock.now += seconds
    limit.end(call)


async def test_calls_cut_short_by_their_own_deadline_do_not_teach_the_limit() -> None:
    clock = Clock()
    limit = AdaptiveLimit(ceiling=256, tolerance=3.0, clock=clock)
    line = ReleaseLine(limit, max_batch_size=8, most_batch_requests=256)

    async def lone(seconds: float, error: InferenceTimeout | None = None) -> None:
        turn = line.turn("k", Priority.INTERACTIVE, items=1, size_bytes=70_000, deadline=1e12)
        async with turn:
            clock.now += seconds
            if error:
                raise error

    for _ in range(5):
        await lone(0.010)  # the truth: 10 ms
    for _ in range(5):
        with pytest.raises(InferenceTimeout):
            await lone(0.001, InferenceTimeout("X-Request-Timeout-Ms: 1"))
    for _ in range(40):  # eight in flight, each within twice the unloaded latency
        calls = [limit.begin(in_flight=n, items=1, size_bytes=70_000) for n in range(1, 9)]
        clock.now += 0.015
        for call in calls:
            limit.end(call)
    assert limit.sustained >= 8


async def test_a_line_goes_on_when_a_probe_ends_by_time() -> None:
    loop = asyncio.get_running_loop()
    clock = Clock()
    limit = AdaptiveLimit(ceiling=256, tolerance=3.0, clock=lambda: loop.time() + clock.now)
    line = ReleaseLine(limit, max_batch_size=8, most_batch_requests=256)
    clock.now += 31  # it is time for a probe
    release = asyncio.Event()
    begun = 0

    async def one() -> None:
        nonlocal begun
        async with line.turn(
            "k", Priority.INTERACTIVE, items=1, size_bytes=1, deadline=loop.time() + 30
        ):
            begun += 1
            await release.wait()

    tasks = [asyncio.create_task(one()) for _ in range(5)]
    limit._is_probing()
    await asyncio.sleep(1.5)
    try:
        assert begun == 5  # the probe is over, eight may be in flight
    finally:
        release.set()
        await asyncio.gather(*tasks)


async def test_who_left_the_line_leaves_nothing_behind() -> None:
    queue = FairQueue()
    stays = asyncio.get_running_loop().create_future()
    queue.join("steady", 1, stays)
    for _ in range(10_000):
        gone = asyncio.get_running_loop().create_future()
        queue.join("hasty", 8, gone)
        gone.cancel()
        queue.leave("hasty", 8)
    assert len(queue._heap) < 100


async def test_a_key_pays_nothing_for_those_who_left_unserved() -> None:
    queue = FairQueue()
    loop = asyncio.get_running_loop()
    for _ in range(50):
        queue.join("steady", 1, loop.create_future())
    for _ in range(200):
        gone = loop.create_future()
        queue.join("hasty", 1, gone)
        gone.cancel()
        queue.leave("hasty", 1)
    waiter = loop.create_future()
    queue.join("hasty", 1, waiter)
    first = [queue.next() for _ in range(3)]
    assert waiter in first


async def test_a_disconnect_noticed_as_the_answer_comes_cancels_nothing_later() -> None:
    loop = asyncio.get_running_loop()
    left, answer = loop.create_future(), loop.create_future()
    request = cast(Any, SimpleNamespace(receive=lambda: _wait(left)))

    async def handle() -> str:
        async with CancelOnDisconnect(request):
            await answer
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return "done"

    task = asyncio.create_task(handle())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    left.set_result({"type": "http.disconnect"})
    answer.set_result(None)
    assert await task == "done"


async def _wait(future: asyncio.Future[Any]) -> Any:
    return await future


def test_two_greedy_keys_leave_a_place_for_a_third() -> None:
    line = ReleaseLine(
        AdaptiveLimit(ceiling=256, tolerance=3.0), max_batch_size=8, most_batch_requests=256
    )
    for key in ("greedy", "greedier"):
        with contextlib.suppress(Overloaded, KeyOverloaded):
            for _ in range(100):
                line.take_place(key, Priority.INTERACTIVE)
    line.take_place("calm", Priority.INTERACTIVE)
