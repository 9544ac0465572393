"""One charge against a sliding window of two counters, wherever they lie.

A fixed window would let twice the limit pass around its edge, and a log of every hit would hold one
entry per byte.
"""

from __future__ import annotations

from typing import Final, cast

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

_MINUTE_SECONDS: Final = 60.0

Window = tuple[int, float, int, float]
"""Count of the last window and its remaining seconds, count of this window and its remaining
seconds; this window's last a minute longer because it is the next one's last."""


class CountersAway(Exception):
    """The counters cannot be reached."""


async def take(
    limiter: SlidingWindowCounterRateLimiter, who: tuple[str, str], *, limit: int, cost: int
) -> Window | None:
    """Take a cost; None where it was taken, else what the counters hold."""
    item = RateLimitItemPerMinute(limit)
    if await limiter.hit(item, *who, cost=cost):
        return None
    storage = cast(MemoryStorage | RedisStorage, limiter.storage)
    return await storage.get_sliding_window(item.key_for(*who), item.get_expiry())


def seconds_until_free(window: Window, *, limit: int, cost: int) -> float:
    """How long until a refused cost fits, if nothing else is charged.

    Args:
        window: What the counters hold.
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
