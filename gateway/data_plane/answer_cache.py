"""Answers that were given before, or are on their way, given again. Off unless configured."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from gateway.data_plane.memory_cache import MemoryCache
from gateway.data_plane.single_flight import Flight, SingleFlight
from gateway.errors import InferenceTimeout
from gateway.metrics import GatewayMetrics
from gateway.settings import GatewaySettings
from python_backends.shared.contract import ItemAnswer, Status, Task

# Goes into every key: a change of what a key is made of, or of what is kept, changes this.
_FORMAT: Final = "triptych answers 1"
# About a millisecond of hashing; more than that leaves the event loop.
_MOST_HASHED_IN_THE_LOOP_BYTES: Final = 1024 * 1024

Ask = Callable[[Sequence[bytes]], Awaitable[Sequence[ItemAnswer]]]


@dataclass(frozen=True)
class CacheOutcome:
    """What became of the distinct items of one call."""

    hits: int = 0
    misses: int = 0
    collapsed: int = 0
    """Were on their way already, asked for by somebody else."""
    is_stored: bool = False
    """Whether all misses are kept for the next one."""

    @property
    def cache_status(self) -> str | None:
        """The value of Cache-Status, RFC 9211; None where no cache was asked."""
        if self.misses:
            return "triptych; fwd=miss; stored" if self.is_stored else "triptych; fwd=miss"
        if self.collapsed:
            return "triptych; fwd=miss; collapsed"
        return "triptych; hit" if self.hits else None


class AnswerSource(Protocol):
    """One call that answers items, from wherever."""

    async def answers(
        self,
        scope: str,
        release: str,
        fingerprint: str,
        task: Task,
        *,
        items: Sequence[bytes],
        ask: Ask,
    ) -> tuple[list[ItemAnswer], CacheOutcome]:
        """Answer items in their order; see AnswerCache."""


class SharedAnswers(Protocol):
    """What gateways share; see RedisCache."""

    async def get_many(self, keys: Sequence[bytes]) -> dict[bytes, ItemAnswer]:
        """What is known of these."""

    async def put_many(self, answers: Mapping[bytes, ItemAnswer]) -> None:
        """Keep these."""

    async def close(self) -> None:
        """End the connections."""


class NoCache:
    """Asks for everything, hashes nothing."""

    async def answers(
        self,
        scope: str,  # noqa: ARG002 - as AnswerSource says
        release: str,  # noqa: ARG002 - as above
        fingerprint: str,  # noqa: ARG002 - as above
        task: Task,  # noqa: ARG002 - as above
        *,
        items: Sequence[bytes],
        ask: Ask,
    ) -> tuple[list[ItemAnswer], CacheOutcome]:
        """Ask."""
        return list(await ask(items)), CacheOutcome()


class _Fetched(NamedTuple):
    answer: ItemAnswer
    is_hit: bool
    """Redis had it."""
    is_stored: bool


class AnswerCache:
    """Memory first, then who asks already, then Redis, then Triton.

    Args:
        memory: What this gateway keeps.
        redis: What gateways share, if they do.
        metrics: Counts items and bytes.
        is_shared: Whether tenants share answers; else each scope has its own.
    """

    def __init__(
        self,
        memory: MemoryCache,
        redis: SharedAnswers | None,
        metrics: GatewayMetrics,
        *,
        is_shared: bool,
    ) -> None:
        self._memory = memory
        self._redis = redis
        self._metrics = metrics
        self._is_shared = is_shared
        self._flights: SingleFlight[bytes, _Fetched] = SingleFlight()
        self._stores: set[asyncio.Task[None]] = set()

    async def answers(
        self,
        scope: str,
        release: str,
        fingerprint: str,
        task: Task,
        *,
        items: Sequence[bytes],
        ask: Ask,
    ) -> tuple[list[ItemAnswer], CacheOutcome]:
        """Answer items, asking only for what nobody knows.

        Args:
            scope: The tenant.
            release: The ensemble's name.
            fingerprint: Of the release's files; without one nothing is kept, because a release
                that was exported again would get the old one's answers.
            task: What the release does.
            items: Their bytes.
            ask: Is called once at most, with the distinct missing items; runs in a task that is
                cancelled when nobody waits for it any more. What it raises, everybody gets who
                waits for one of its items, and nothing of it is kept.

        Returns:
            One answer per item, in order, and what the cache did.
        """
        if not fingerprint:
            return list(await ask(items)), CacheOutcome()
        owner = "" if self._is_shared else scope
        keys = await _keys((owner, release, fingerprint, task.value), items)
        contents = dict(zip(keys, items, strict=True))
        known = {key: answer for key in contents if (answer := self._memory.get(key)) is not None}
        missing = {key: item for key, item in contents.items() if key not in known}
        outcome = CacheOutcome(hits=len(known))
        if missing:
            fetched, outcome = await self._fetch(missing, len(known), ask)
            known.update(fetched)
        self._count(outcome)
        return [known[key] for key in keys], outcome

    async def _fetch(
        self, missing: Mapping[bytes, bytes], hits: int, ask: Ask
    ) -> tuple[dict[bytes, ItemAnswer], CacheOutcome]:
        joined = {key: it for key in missing if (it := self._flights.under_way(key)) is not None}
        wanted = {key: item for key, item in missing.items() if key not in joined}
        own = self._flights.start(wanted, self._bring(wanted, ask)) if wanted else None
        flights = [*set(joined.values()), *([own] if own else [])]
        try:
            fetched = await _all_of(flights)
        except InferenceTimeout:
            if not joined:
                raise
            # That was the deadline of whoever began: ask again. Our own ends it from outside.
            return await self._fetch(missing, hits, ask)
        mine = [fetched[key] for key in wanted]
        from_redis = sum(it.is_hit for it in mine)
        outcome = CacheOutcome(
            hits=hits + from_redis,
            misses=len(mine) - from_redis,
            collapsed=len(joined),
            is_stored=all(it.is_stored for it in mine),
        )
        return {key: fetched[key].answer for key in missing}, outcome

    async def _bring(self, wanted: Mapping[bytes, bytes], ask: Ask) -> dict[bytes, _Fetched]:
        shared = await self._redis.get_many(list(wanted)) if self._redis else {}
        rest = [key for key in wanted if key not in shared]
        asked = await ask([wanted[key] for key in rest]) if rest else ()
        fresh = dict(zip(rest, asked, strict=True))
        kept = {key: answer for key, answer in fresh.items() if _may_be_kept(answer)}
        if self._redis and kept:
            self._store_behind(self._redis, kept)
        found = {
            key: _Fetched(
                answer, key in shared, _may_be_kept(answer) and self._memory.put(key, answer)
            )
            for key, answer in {**shared, **fresh}.items()
        }
        self._metrics.cache_bytes.set(self._memory.size_bytes)
        return found

    def _store_behind(self, redis: SharedAnswers, fresh: Mapping[bytes, ItemAnswer]) -> None:
        """Store without making the answer wait."""
        store = asyncio.create_task(redis.put_many(fresh))
        self._stores.add(store)
        store.add_done_callback(self._stores.discard)

    def _count(self, outcome: CacheOutcome) -> None:
        self._metrics.cache_items.labels("hit").inc(outcome.hits)
        self._metrics.cache_items.labels("miss").inc(outcome.misses)
        self._metrics.cache_items.labels("collapsed").inc(outcome.collapsed)

    async def close(self) -> None:
        """Let what is being stored be stored; Redis has a short time to take it."""
        await asyncio.gather(*self._stores)
        if self._redis:
            await self._redis.close()


def _may_be_kept(answer: ItemAnswer) -> bool:
    """What ended a process once may have met it in a bad moment; who says so forgets it in time."""
    return answer.status is not Status.HARMFUL


async def _all_of(flights: Sequence[Flight[bytes, _Fetched]]) -> dict[bytes, _Fetched]:
    fetched: dict[bytes, _Fetched] = {}
    for flight in flights:
        flight.board()
    try:
        for flight in flights:
            fetched.update(await flight.result())
    finally:
        for flight in flights:
            flight.leave()
    return fetched


async def _keys(parts: Sequence[str], items: Sequence[bytes]) -> list[bytes]:
    if sum(map(len, items)) > _MOST_HASHED_IN_THE_LOOP_BYTES:
        return await asyncio.to_thread(answer_keys, parts, items)
    return answer_keys(parts, items)


def answer_keys(parts: Sequence[str], items: Sequence[bytes]) -> list[bytes]:
    """Hash what an answer depends on; each part behind its length, so that none runs over.

    Returns:
        One SHA-256 per item, 32 bytes.
    """
    common = hashlib.sha256()
    for part in (_FORMAT, *parts):
        raw = part.encode()
        common.update(len(raw).to_bytes(8, "little") + raw)
    keys = []
    for item in items:
        digest = common.copy()
        digest.update(len(item).to_bytes(8, "little"))
        digest.update(item)
        keys.append(digest.digest())
    return keys


@contextlib.asynccontextmanager
async def open_answer_cache(
    settings: GatewaySettings, metrics: GatewayMetrics
) -> AsyncIterator[AnswerSource]:
    """Make the cache that the settings ask for."""
    if not settings.cache_bytes:
        yield NoCache()
        return
    ttl_seconds = settings.cache_ttl_seconds
    url = settings.redis_url
    redis = _in_redis(url.get_secret_value(), ttl_seconds) if url else None
    memory = MemoryCache(settings.cache_bytes, ttl_seconds=ttl_seconds)
    cache = AnswerCache(memory, redis, metrics, is_shared=settings.cache_shared)
    try:
        yield cache
    finally:
        await cache.close()


def _in_redis(url: str, ttl_seconds: float) -> SharedAnswers:
    # Importing Redis takes 8 MB and a tenth of the gateway's start, and few gateways use it.
    from gateway.data_plane.redis_cache import RedisCache  # noqa: PLC0415 - the reason above

    return RedisCache(url, ttl_seconds=ttl_seconds)
