"""Which answers are given again, to whom, and what Cache-Status says of it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from gateway.data_plane.answer_cache import (
    AnswerCache,
    AnswerSource,
    CacheOutcome,
    answer_keys,
    open_answer_cache,
)
from gateway.errors import InferenceUnavailable
from gateway.metrics import GatewayMetrics
from gateway.settings import GatewaySettings
from python_backends.shared.contract import ItemAnswer, Status, Task

IMAGE, TEXT = Task.IMAGE_CLASSIFICATION, Task.TEXT_CLASSIFICATION


class _Triton:
    """Answers each item with its own bytes as the label, when it may."""

    def __init__(self) -> None:
        self.asked: list[list[bytes]] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.failure: Exception | None = None

    async def ask(self, items: Sequence[bytes]) -> list[ItemAnswer]:
        self.asked.append(list(items))
        await self.may_answer.wait()
        if self.failure:
            raise self.failure
        return [_answer(item) for item in items]


def _answer(item: bytes) -> ItemAnswer:
    return ItemAnswer(Status.OK, (item[:9].decode(),), (0.5,))


@pytest.fixture
def triton() -> _Triton:
    return _Triton()


@pytest.fixture
def metrics() -> GatewayMetrics:
    return GatewayMetrics()


@pytest.fixture
async def cache(metrics: GatewayMetrics) -> AsyncIterator[AnswerSource]:
    async with open_answer_cache(GatewaySettings(cache_bytes=1_000_000), metrics) as made:
        yield made


async def _ask(
    cache: AnswerSource, triton: _Triton, *items: bytes, **changes: Any
) -> tuple[list[str], str | None]:
    """Labels and Cache-Status."""
    call = {"scope": "tenant", "release": "r_r1", "fingerprint": "f", "task": IMAGE, **changes}
    answers, outcome = await cache.answers(**call, items=items, ask=triton.ask)
    return [answer.labels[0] for answer in answers], outcome.cache_status


async def test_the_second_time_nobody_is_asked(cache: AnswerSource, triton: _Triton) -> None:
    assert await _ask(cache, triton, b"7") == (["7"], "triptych; fwd=miss; stored")
    assert await _ask(cache, triton, b"7") == (["7"], "triptych; hit")
    assert triton.asked == [[b"7"]]


async def test_of_a_batch_only_what_is_missing_is_asked_for_and_that_once(
    cache: AnswerSource, triton: _Triton, metrics: GatewayMetrics
) -> None:
    await _ask(cache, triton, b"b")
    labels, status = await _ask(cache, triton, b"a", b"b", b"a", b"c")
    assert labels == ["a", "b", "a", "c"]
    assert status == "triptych; fwd=miss; stored"
    assert triton.asked == [[b"b"], [b"a", b"c"]]
    text = metrics.exposition().decode()
    assert 'triptych_gateway_cache_items_total{outcome="hit"} 1.0' in text
    assert 'triptych_gateway_cache_items_total{outcome="miss"} 3.0' in text
    (size,) = (x for x in text.splitlines() if x.startswith("triptych_gateway_cache_bytes "))
    assert float(size.split()[1]) > 1000


@pytest.mark.parametrize(
    "change",
    [{"scope": "other"}, {"release": "r_r2"}, {"fingerprint": "g"}, {"task": TEXT}],
)
async def test_another_tenant_release_export_or_task_gets_an_answer_of_its_own(
    cache: AnswerSource, triton: _Triton, change: dict[str, Any]
) -> None:
    await _ask(cache, triton, b"7")
    assert await _ask(cache, triton, b"7", **change) == (["7"], "triptych; fwd=miss; stored")
    assert len(triton.asked) == 2


async def test_tenants_share_only_when_the_settings_say_so(
    triton: _Triton, metrics: GatewayMetrics
) -> None:
    settings = GatewaySettings(cache_bytes=100_000, cache_shared=True)
    async with open_answer_cache(settings, metrics) as cache:
        await _ask(cache, triton, b"7", scope="a")
        assert (await _ask(cache, triton, b"7", scope="b"))[1] == "triptych; hit"
        assert (await _ask(cache, triton, b"7", scope="b", release="r_r2"))[1] != "triptych; hit"


async def test_a_release_without_a_fingerprint_is_never_answered_from_memory(
    cache: AnswerSource, triton: _Triton
) -> None:
    for _ in range(2):
        assert await _ask(cache, triton, b"7", fingerprint="") == (["7"], None)
    assert len(triton.asked) == 2


async def test_identical_requests_at_once_are_one(
    cache: AnswerSource, triton: _Triton, metrics: GatewayMetrics
) -> None:
    triton.may_answer.clear()
    calls = [asyncio.create_task(_ask(cache, triton, b"7")) for _ in range(20)]
    calls.append(asyncio.create_task(_ask(cache, triton, b"7", b"8")))
    await asyncio.sleep(0)
    triton.may_answer.set()
    *same, mixed = await asyncio.gather(*calls)
    assert same == [
        (["7"], "triptych; fwd=miss; stored"),
        *[(["7"], "triptych; fwd=miss; collapsed")] * 19,
    ]
    assert mixed == (["7", "8"], "triptych; fwd=miss; stored")
    assert triton.asked == [[b"7"], [b"8"]]
    assert 'cache_items_total{outcome="collapsed"} 20.0' in metrics.exposition().decode()


async def test_a_leader_that_goes_away_does_not_take_its_followers_along(
    cache: AnswerSource, triton: _Triton
) -> None:
    triton.may_answer.clear()
    leader, follower = (asyncio.create_task(_ask(cache, triton, b"7")) for _ in range(2))
    await asyncio.sleep(0)
    leader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leader
    triton.may_answer.set()
    assert await follower == (["7"], "triptych; fwd=miss; collapsed")
    assert triton.asked == [[b"7"]]


async def test_when_all_go_away_the_question_is_withdrawn(
    cache: AnswerSource, triton: _Triton
) -> None:
    triton.may_answer.clear()
    calls = [asyncio.create_task(_ask(cache, triton, b"7")) for _ in range(2)]
    await asyncio.sleep(0)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    triton.may_answer.set()
    assert await _ask(cache, triton, b"7") == (["7"], "triptych; fwd=miss; stored")
    assert len(triton.asked) == 2


async def test_a_failure_reaches_everybody_and_is_not_kept(
    cache: AnswerSource, triton: _Triton
) -> None:
    triton.may_answer.clear()
    triton.failure = InferenceUnavailable("away")
    calls = [asyncio.create_task(_ask(cache, triton, b"7")) for _ in range(3)]
    await asyncio.sleep(0)
    triton.may_answer.set()
    for answer in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(answer, InferenceUnavailable)
    triton.failure = None
    assert (await _ask(cache, triton, b"7"))[1] == "triptych; fwd=miss; stored"


async def test_an_answer_too_large_for_the_cache_is_given_and_not_kept(
    triton: _Triton, metrics: GatewayMetrics
) -> None:
    async with open_answer_cache(GatewaySettings(cache_bytes=10), metrics) as cache:
        for _ in range(2):
            assert await _ask(cache, triton, b"7") == (["7"], "triptych; fwd=miss")


async def test_a_large_item_is_hashed_beside_the_event_loop_to_the_same_key(
    cache: AnswerSource, triton: _Triton, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_threads = []
    to_thread = asyncio.to_thread

    async def noted(*args: Any) -> Any:
        in_threads.append(args)
        return await to_thread(*args)

    monkeypatch.setattr(asyncio, "to_thread", noted)
    large = b"x" * 2_000_000
    await _ask(cache, triton, large)
    assert (await _ask(cache, triton, large))[1] == "triptych; hit"
    await _ask(cache, triton, b"small")
    assert len(in_threads) == 2


async def test_no_part_of_a_key_runs_over_into_the_next() -> None:
    keys = {
        tuple(answer_keys(parts, items))
        for parts, items in [
            (("a", "b", "c"), [b"d"]),
            (("ab", "", "c"), [b"d"]),
            (("a", "bc", ""), [b"d"]),
            (("a", "b", ""), [b"cd"]),
            (("a", "b", "cd"), [b""]),
            (("a", "b", "c"), [b"d", b""]),
        ]
    }
    assert len(keys) == 6
    assert all(len(key) == 32 for row in keys for key in row)


async def test_turned_off_it_hashes_nothing(
    triton: _Triton, metrics: GatewayMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("hashed")

    monkeypatch.setattr(hashlib, "sha256", never)
    async with open_answer_cache(GatewaySettings(), metrics) as cache:
        assert not isinstance(cache, AnswerCache)
        for _ in range(2):
            assert await _ask(cache, triton, b"7") == (["7"], None)
    assert len(triton.asked) == 2


@pytest.mark.parametrize(
    ("outcome", "value"),
    [
        (CacheOutcome(), None),
        (CacheOutcome(hits=2), "triptych; hit"),
        (CacheOutcome(hits=1, collapsed=1, is_stored=True), "triptych; fwd=miss; collapsed"),
        (CacheOutcome(hits=1, collapsed=1, misses=1), "triptych; fwd=miss"),
        (CacheOutcome(misses=1, is_stored=True), "triptych; fwd=miss; stored"),
    ],
)
def test_cache_status_says_hit_only_where_nothing_was_asked(
    outcome: CacheOutcome, value: str | None
) -> None:
    assert outcome.cache_status == value
