"""Counters in Redis, for gateways that share them. Imported only where GATEWAY_REDIS_URL is set."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final, cast

from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from gateway.data_plane.sliding_window import CountersAway, Window, take
from gateway.errors import StartRefused

# No request waits longer for Redis.
_REDIS_SECONDS: Final = 0.25
_MOST_CONNECTIONS: Final = 16


class RedisLimiter:
    """Takes costs from counters in one Redis.

    Args:
        url: "redis://HOST:PORT".

    Raises:
        StartRefused: it is no URL of a Redis.
    """

    def __init__(self, url: str) -> None:
        try:
            self._pool = _connections(url)
        except ValueError as exc:
            # Without the URL: it may hold a password.
            raise StartRefused(
                "GATEWAY_REDIS_URL must begin with redis://, rediss:// or unix://"
            ) from exc
        storage = RedisStorage(
            f"async+{url}",
            implementation="redispy",
            key_prefix="triptych",
            # Typed for plain options; RedispyBridge.use_basic takes a pool.
            connection_pool=cast(str, self._pool),
        )
        self._limiter = SlidingWindowCounterRateLimiter(storage)

    async def take(self, who: tuple[str, str], *, limit: int, cost: int) -> Window | None:
        """Take a cost; None where it was taken, else what the counters hold.

        Raises:
            CountersAway: Redis does not answer.
        """
        try:
            return await take(self._limiter, who, limit=limit, cost=cost)
        except (RedisError, OSError) as exc:
            raise CountersAway(type(exc).__name__) from exc

    async def ping(self) -> None:
        """Have Redis answer.

        Raises:
            CountersAway: it does not.
        """
        try:
            # redis-py's types know the client of threads, too.
            await cast(Awaitable[object], Redis(connection_pool=self._pool).ping())
        except (RedisError, OSError) as exc:
            raise CountersAway(type(exc).__name__) from exc

    async def close(self) -> None:
        """End the connections."""
        await self._pool.disconnect()


def _connections(url: str) -> BlockingConnectionPool:
    return BlockingConnectionPool.from_url(
        url,
        max_connections=_MOST_CONNECTIONS,
        timeout=_REDIS_SECONDS,
        socket_timeout=_REDIS_SECONDS,
        socket_connect_timeout=_REDIS_SECONDS,
        # Redis may close what is idle; one that is silent is not asked twice.
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    )
