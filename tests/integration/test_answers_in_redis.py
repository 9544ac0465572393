"""The answer cache of two gateways over one real Redis, which also goes away and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from gateway.data_plane.answer_cache import AnswerSource, open_answer_cache
from gateway.metrics import GatewayMetrics
from gateway.settings import GatewaySettings
from python_backends.shared.contract import ItemAnswer, Status, Task
from tests.real_redis import RealRedis, running_redis
from tests.unit.gateway.running_gateway import until

_ANSWER = ItemAnswer(Status.OK, ("7", "1"), (0.75, 0.10000000149011612))


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with running_redis() as server:
        yield server.url


def _settings(url: str, ttl_seconds: float = 60) -> GatewaySettings:
    return GatewaySettings(
        cache_bytes=100_000, cache_ttl_seconds=ttl_seconds, redis_url=SecretStr(url)
    )


async def _status(cache: AnswerSource, item: bytes) -> tuple[ItemAnswer, str | None]:
    async def ask(items: Sequence[bytes]) -> list[ItemAnswer]:
        return [_ANSWER] * len(items)

    (answer,), outcome = await cache.answers(
        "t", "r_r1", "f", Task.IMAGE_CLASSIFICATION, items=[item], ask=ask
    )
    return answer, outcome.cache_status


async def test_what_one_gateway_stored_another_finds(redis_url: str) -> None:
    async with open_answer_cache(_settings(redis_url), GatewayMetrics()) as first:
        assert await _status(first, b"a") == (_ANSWER, "triptych; fwd=miss; stored")
    async with open_answer_cache(_settings(redis_url), GatewayMetrics()) as second:
        assert await _status(second, b"a") == (_ANSWER, "triptych; hit")
        assert await _status(second, b"a") == (_ANSWER, "triptych; hit")  # now from its memory


async def test_what_redis_keeps_ends_with_its_time(redis_url: str) -> None:
    async with open_answer_cache(_settings(redis_url, 0.05), GatewayMetrics()) as cache:
        await _status(cache, b"short")
    client: Redis = Redis.from_url(redis_url)

    async def is_gone() -> bool:
        return bool(await client.dbsize() <= 1)  # the first test left one

    await until(is_gone)
    await client.aclose()


async def test_a_spoilt_value_is_a_miss_and_is_written_anew(redis_url: str) -> None:
    async with open_answer_cache(_settings(redis_url), GatewayMetrics()) as cache:
        await _status(cache, b"spoilt")
    client: Redis = Redis.from_url(redis_url)
    for spoilt in (b"\xff", b"[0,[],[]]"):
        for key in await client.keys("triptych:answer:*"):
            await client.set(key, spoilt)
        async with open_answer_cache(_settings(redis_url), GatewayMetrics()) as cache:
            assert (await _status(cache, b"spoilt"))[1] == "triptych; fwd=miss; stored"
    await client.aclose()
    async with open_answer_cache(_settings(redis_url), GatewayMetrics()) as cache:
        assert (await _status(cache, b"spoilt"))[1] == "triptych; hit"


async def test_redis_may_go_and_come_back(
    redis: RealRedis, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_answer_cache(_settings(redis.url), GatewayMetrics()) as cache:
        assert (await _status(cache, b"1"))[1] == "triptych; fwd=miss; stored"
        redis.kill()
        for item in (b"2", b"3", b"4"):
            assert await _status(cache, item) == (_ANSWER, "triptych; fwd=miss; stored")
        redis.start()
        client: Redis = Redis.from_url(redis.url)
        async with asyncio.timeout(10):
            number = 10
            while not await client.dbsize():
                number += 1
                await _status(cache, str(number).encode())
                await asyncio.sleep(0.05)
        await client.aclose()
    said = [record.getMessage() for record in caplog.records if "redis" in record.name]
    assert len(said) == 2
    assert said[1].endswith("answers again")
