"""Requests and bytes per minute of each key, in this process or shared in Redis.

A sliding window of two counters: a fixed window would let twice the limit pass around its edge, and
a log of every hit would hold one entry per byte.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final, cast

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from gateway.control_plane.api_key import ApiKey
from gateway.errors import RateLimited, StartRefused

logger = logging.getLogger(__name__)

_MINUTE_SECONDS: Final = 60.0
# A request waits this long for Redis at most, and once per pause.
_REDIS_SECONDS: Final = 0.25
_PAUSE_SECONDS: Final = 1.0
_MOST_CONNECTIONS: Final = 16

Window = tuple[int, float, int, float]


class RateLimits:
    """Charges keys; a key without limits costs nothing.

    Args:
        redis_url: "redis://HOST:PORT" where gateways share their limits, None for this process.
        clock: Monotonic seconds.
    """

    def __init__(
        self, redis_url: str | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._pool = _connections(redis_url) if redis_url else None
        self._shared = _in_redis(redis_url, self._pool) if redis_url and self._pool else None
        self._clock = clock
        self._ask_redis_at = 0.0
        self._is_redis_away = False

    async def charge(self, key: ApiKey, *, requests: int, size_bytes: int) -> None:
        """Take requests and bytes from what the key has left.

        Raises:
            RateLimited: it has not so many left; what was asked is not taken.
        """
        if requests and key.requests_per_minute is not None:
            await self._take(key.id, "requests", key.requests_per_minute, requests)
        if size_bytes and key.bytes_per_minute is not None:
            await self._take(key.id, "bytes", key.bytes_per_minute, size_bytes)

    async def close(self) -> None:
        """End the connections."""
        if self._pool is not None:
            await self._pool.disconnect()

    async def _take(self, key_id: str, what: str, limit: int, cost: int) -> None:
        if cost > limit:
            raise RateLimited(
                f"this request has {cost} {what}, and this key may send {limit} {what} in a whole"
                " minute: it can never pass"
            )
        item = RateLimitItemPerMinute(limit)
        window = await self._refused(item, (key_id, what), cost)
        if window is not None:
            seconds = seconds_until_free(window, limit=limit, cost=cost)
            raise RateLimited(f"this key may send {limit} {what} per minute", seconds)

    async def _refused(
        self, item: RateLimitItemPerMinute, who: tuple[str, str], cost: int
    ) -> Window | None:
        """None where the cost was taken, else what the counters hold."""
        now = self._clock()
        if self._shared is not None and now >= self._ask_redis_at:
            if self._is_redis_away:  # one request looks for it, the others do not wait
                self._ask_redis_at = now + _PAUSE_SECONDS
            try:
                refused = await _ask(self._shared, item, who, cost)
                self._note(is_away=False)
            except (RedisError, OSError) as exc:
                self._note(is_away=True, reason=type(exc).__name__)
            else:
                return refused
        return await _ask(self._own, item, who, cost)

    def _note(self, *, is_away: bool, reason: str = "") -> None:
        self._ask_redis_at = self._clock() + _PAUSE_SECONDS if is_away else 0.0
        if is_away != self._is_redis_away:
            if is_away:
                logger.error("Redis does not answer (%s); this gateway limits by itself", reason)
            else:
                logger.warning("Redis answers again; limits are shared")
        self._is_redis_away = is_away


async def _ask(
    limiter: SlidingWindowCounterRateLimiter,
    item: RateLimitItemPerMinute,
    who: tuple[str, str],
    cost: int,
) -> Window | None:
    if await limiter.hit(item, *who, cost=cost):
        return None
    storage = cast(MemoryStorage | RedisStorage, limiter.storage)
    return await storage.get_sliding_window(item.key_for(*who), item.get_expiry())


def seconds_until_free(window: Window, *, limit: int, cost: int) -> float:
    """How long until a refused cost fits, if nothing else is charged.

    Args:
        window: Count of the last window and its remaining seconds, count of this window and its
            remaining seconds; this window's last a minute longer because it is the next one's last.
        limit: What the key may use in a minute.
        cost: What was asked, at most the limit.

    A window's count fades linearly over the minute after it:
    https://limits.readthedocs.io/en/stable/strategies.html#sliding-window-counter
    """
    before, before_seconds, here, here_seconds = window
    room = limit + 1 - cost - here  # what the fading count must fall below
    if room > 0:
        return max(0.0, before_seconds - _MINUTE_SECONDS * room / before) if before else 0.0
    fading = _MINUTE_SECONDS * (1 - (limit + 1 - cost) / here)
    return max(0.0, here_seconds - _MINUTE_SECONDS) + fading


def _connections(url: str) -> BlockingConnectionPool:
    try:
        return _pool(url)
    except ValueError as exc:
        # Without the URL: it may hold a password.
        raise StartRefused(
            "GATEWAY_REDIS_URL must begin with redis://, rediss:// or unix://"
        ) from exc


def _pool(url: str) -> BlockingConnectionPool:
    return BlockingConnectionPool.from_url(
        url,
        max_connections=_MOST_CONNECTIONS,
        timeout=_REDIS_SECONDS,
        socket_timeout=_REDIS_SECONDS,
        socket_connect_timeout=_REDIS_SECONDS,
        # Redis may close what is idle; one that is silent is not asked twice.
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    )


def _in_redis(url: str, pool: BlockingConnectionPool) -> SlidingWindowCounterRateLimiter:
    storage = RedisStorage(
        f"async+{url}",
        implementation="redispy",
        key_prefix="triptych",
        # Typed for plain options; RedispyBridge.use_basic takes a pool.
        connection_pool=cast(str, pool),
    )
    return SlidingWindowCounterRateLimiter(storage)
