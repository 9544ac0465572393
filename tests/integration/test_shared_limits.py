"""Rate limits in a real Redis that is shared, killed, silent, and back again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest

from gateway.control_plane.api_key import ApiKey, Scope
from gateway.data_plane.rate_limits import RateLimits
from gateway.errors import RateLimited
from tests.real_redis import RealRedis
from tests.unit.gateway.running_gateway import until

KEY = ApiKey(
    id="4f6c2a9b1d0e",
    name="app",
    tenant="acme",
    scopes=frozenset({Scope.PREDICT}),
    requests_per_minute=10,
    bytes_per_minute=1000,
    created_at=datetime.now(UTC),
)


@pytest.fixture
async def two(redis: RealRedis) -> AsyncIterator[list[RateLimits]]:
    async with AsyncExitStack() as stack:
        both = [RateLimits(redis.url), RateLimits(redis.url)]
        for limits in both:
            stack.push_async_callback(limits.close)
        yield both


async def granted(limits: RateLimits, tries: int, *, size_bytes: int = 0) -> int:
    """How many of so many requests were let through."""
    passed = 0
    for _ in range(tries):
        try:
            await limits.charge(KEY, requests=0 if size_bytes else 1, size_bytes=size_bytes)
            passed += 1
        except RateLimited:
            continue
    return passed


async def test_two_gateways_share_the_requests_and_bytes_of_a_key(two: list[RateLimits]) -> None:
    here, there = two
    assert await granted(here, 6) + await granted(there, 6) == 10
    assert await granted(here, 3, size_bytes=300) == 3
    assert await granted(there, 1, size_bytes=101) == 0
    assert await granted(there, 1, size_bytes=100) == 1


async def test_what_redis_refuses_is_told_when_to_come_back(two: list[RateLimits]) -> None:
    await granted(two[0], 10)
    with pytest.raises(RateLimited) as refused:
        await two[1].charge(KEY, requests=1, size_bytes=0)
    # All ten came now: the window of a minute has to end, and a tenth of it to fade.
    assert refused.value.retry_after_seconds == pytest.approx(60, abs=2)


async def test_of_many_requests_at_once_no_more_pass_than_may(two: list[RateLimits]) -> None:
    passed = await asyncio.gather(*(granted(limits, 1) for limits in two for _ in range(50)))
    assert sum(passed) == 10


async def test_when_redis_dies_a_gateway_limits_by_itself_and_comes_back_by_itself(
    redis: RealRedis, two: list[RateLimits], caplog: pytest.LogCaptureFixture
) -> None:
    here, there = two
    assert await granted(here, 10) == 10
    redis.kill()
    assert await granted(here, 12) == 10
    assert await granted(there, 12) == 10
    assert caplog.text.count("Redis does not answer") == 2  # once in each gateway
    redis.start()

    async def is_shared_again() -> bool:
        await granted(here, 1)
        return "Redis answers again" in caplog.text

    await until(is_shared_again, seconds=5)
    await granted(here, 10)
    caplog.clear()

    async def the_other_one_too() -> bool:
        passed = await granted(there, 1)
        assert not (passed and "Redis answers again" in caplog.text)
        return "Redis answers again" in caplog.text

    await until(the_other_one_too, seconds=5)


async def test_a_redis_that_is_silent_holds_up_one_request_a_second_for_a_moment(
    redis: RealRedis, two: list[RateLimits], caplog: pytest.LogCaptureFixture
) -> None:
    here, _ = two
    await granted(here, 1)
    redis.pause()
    try:
        started = time.monotonic()
        assert await granted(here, 30) == 10
        assert time.monotonic() - started < 1.0
    finally:
        redis.resume()
    assert caplog.text.count("Redis does not answer") == 1
