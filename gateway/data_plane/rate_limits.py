"""Requests and bytes per minute of each key, in this process or shared in Redis."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final, Protocol

from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from gateway.control_plane.api_key import ApiKey
from gateway.data_plane.sliding_window import CountersAway, Window, seconds_until_free, take
from gateway.errors import RateLimited

logger = logging.getLogger(__name__)

# While Redis is away it is looked for once per pause; the other requests do not wait.
_PAUSE_SECONDS: Final = 1.0


class SharedLimiter(Protocol):
    """Counters that several gateways share."""

    async def take(self, who: tuple[str, str], *, limit: int, cost: int) -> Window | None:
        """Take a cost; see RedisLimiter."""

    async def ping(self) -> None:
        """See whether they can be reached; see RedisLimiter."""

    async def close(self) -> None:
        """End the connections."""


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
        self._shared = _in_redis(redis_url) if redis_url else None
        self._clock = clock
        self._ask_redis_at = 0.0
        self._is_redis_away = False

    @property
    def is_shared(self) -> bool:
        """Whether there is a Redis that should answer."""
        return self._shared is not None

    async def ping(self) -> None:
        """See whether the shared counters can be reached, where there are such.

        Raises:
            CountersAway: they cannot.
        """
        if self._shared is not None:
            await self._shared.ping()

    async def charge(self, key: ApiKey, *, requests: int, size_bytes: int) -> None:
        """Take requests and bytes from what the key has left.

        Raises:
            RateLimited: it has not so many left; what was asked is not taken.
        """
        if requests and key.requests_per_minute is not None:
            await self._charge((key.id, "requests"), key.requests_per_minute, requests)
        if size_bytes and key.bytes_per_minute is not None:
            await self._charge((key.id, "bytes"), key.bytes_per_minute, size_bytes)

    async def close(self) -> None:
        """End the connections."""
        if self._shared is not None:
            await self._shared.close()

    async def _charge(self, who: tuple[str, str], limit: int, cost: int) -> None:
        _, what = who
        if cost > limit:
            raise RateLimited(
                f"this request has {cost} {what}, and this key may send {limit} {what} in a whole"
                " minute: it can never pass"
            )
        window = await self._take(who, limit, cost)
        if window is not None:
            seconds = seconds_until_free(window, limit=limit, cost=cost)
            raise RateLimited(f"this key may send {limit} {what} per minute", seconds)

    async def _take(self, who: tuple[str, str], limit: int, cost: int) -> Window | None:
        now = self._clock()
        if self._shared is not None and now >= self._ask_redis_at:
            if self._is_redis_away:  # one request looks for it
                self._ask_redis_at = now + _PAUSE_SECONDS
            try:
                refused = await self._shared.take(who, limit=limit, cost=cost)
            except CountersAway as exc:
                self._note(str(exc))
            else:
                self._note(None)
                return refused
        return await take(self._own, who, limit=limit, cost=cost)

    def _note(self, trouble: str | None) -> None:
        is_away = trouble is not None
        self._ask_redis_at = self._clock() + _PAUSE_SECONDS if is_away else 0.0
        if is_away and not self._is_redis_away:
            logger.error("Redis does not answer (%s); this gateway limits by itself", trouble)
        if self._is_redis_away and not is_away:
            logger.warning("Redis answers again; limits are shared")
        self._is_redis_away = is_away


def _in_redis(url: str) -> SharedLimiter:
    # Importing Redis takes a tenth of the gateway's start, and few gateways use it.
    from gateway.data_plane.redis_limiter import RedisLimiter  # noqa: PLC0415 - the reason above

    return RedisLimiter(url)
