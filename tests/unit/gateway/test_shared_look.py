"""One look for all who wait, each look begun after they asked."""

from __future__ import annotations

import asyncio
import itertools
import time

from gateway.control_plane.shared_look import SharedLook


async def test_those_who_ask_at_once_share_one_look_that_begins_after_they_asked() -> None:
    looks: list[float] = []
    has_begun, may_end = asyncio.Event(), asyncio.Event()

    async def look() -> None:
        looks.append(time.monotonic())
        has_begun.set()
        await may_end.wait()

    shared = SharedLook(look, pause_seconds=0.0, patience_seconds=5)
    first = asyncio.create_task(shared.wait())
    await has_begun.wait()
    asked = time.monotonic()
    later = [asyncio.create_task(shared.wait()) for _ in range(50)]
    await asyncio.sleep(0.01)
    assert len(looks) == 1  # never two at a time
    may_end.set()
    await asyncio.gather(first, *later)
    assert len(looks) == 2
    assert looks[1] >= asked


async def test_looks_keep_their_distance() -> None:
    looks: list[float] = []

    async def look() -> None:
        looks.append(asyncio.get_running_loop().time())

    shared = SharedLook(look, pause_seconds=0.02, patience_seconds=5)
    for _ in range(4):
        await shared.wait()
    assert all(b - a >= 0.02 for a, b in itertools.pairwise(looks))


async def test_a_look_that_hangs_is_waited_for_with_patience_only_and_not_repeated() -> None:
    looks = 0

    async def look() -> None:
        nonlocal looks
        looks += 1
        await asyncio.Event().wait()

    shared = SharedLook(look, pause_seconds=0.0, patience_seconds=0.02)
    for _ in range(3):
        await shared.wait()
    assert looks == 1


async def test_that_one_goes_away_is_nothing_to_the_others() -> None:
    shared = SharedLook(lambda: asyncio.sleep(0.01), pause_seconds=0.0, patience_seconds=5)
    one, other = (asyncio.create_task(shared.wait()) for _ in range(2))
    await asyncio.sleep(0)
    one.cancel()
    await other
    assert one.cancelled()
