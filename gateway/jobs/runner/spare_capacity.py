"""How much of a release a job may take now: all of it, or what those who wait will not feel."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from typing import Final, NamedTuple

from gateway.errors import InferenceError

# One call at work in the model, one in the step before it: batches are full, and nothing idles.
_CALLS_WHILE_ALONE: Final = 2
# Who comes while a job has all to itself waits for this at first.
_LONGEST_CALL_SECONDS: Final = 0.1
# A call may take so many times as long as one item would, when somebody else is there.
_TOLERATED: Final = 1.5
LOOK_SECONDS: Final = 0.5
# Requests of others are counted over so many looks, two seconds: the supervisor's canary asks each
# Triton once a second, and two calls of ours may be counted by it and not yet by us.
_LOOKS: Final = 4
_CANARIES: Final = 2
_POLITE_SECONDS: Final = 3.0
_PROBES: Final = 3
_PROBE_INTERVAL_SECONDS: Final = 30.0
_WINDOW_CALLS: Final = 4
_TRY_AGAIN_SECONDS: Final = 10.0


class Counted(NamedTuple):
    """What Triton's statistics say of a release."""

    requests: int
    """That were answered since the servers were started, whoever sent them."""
    servers: int


CountRequests = Callable[[str], Awaitable[Counted]]


@dataclass
class Turn:
    """One call that may be made."""

    most: int
    """Items that it may have."""
    sent: int = 0
    """Items that it had; 0: it was not made."""


class SpareCapacity:
    """The turns of jobs before one release.

    While nobody else asks, two full calls are under way. When Triton's statistics count requests
    that were not ours, one is, and it is as large as takes no longer than 1.5 times what one item
    takes, which is measured now and then: so nobody waits for much more than one item.

    Args:
        release: Whose.
        max_batch_size: Items of the largest call.
        count_requests: Asks Triton.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        release: str,
        max_batch_size: int,
        count_requests: CountRequests,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._release = release
        self._largest = max_batch_size
        self._count_requests = count_requests
        self._clock = clock
        self._in_flight = self._answered = 0
        self._changed = asyncio.Condition()
        self._alone = _Size(max_batch_size, clock)
        self._polite = _Size(max_batch_size, clock)
        self._one_item: deque[float] = deque(maxlen=_PROBES)
        self._probe_at = float("-inf")
        self._polite_until = float("-inf")
        self._looks: deque[int] = deque(maxlen=_LOOKS + 1)

    @property
    def is_polite(self) -> bool:
        """Whether somebody else asks."""
        return self._clock() < self._polite_until

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Turn]:
        """Wait for one's turn; inside, one call may be made, or none."""
        async with self._changed:
            await self._changed.wait_for(self._has_room)
            self._in_flight += 1
        is_polite, turn = self.is_polite, Turn(self._most_items())
        began = self._clock()
        try:
            yield turn
            # What was not sent is in nobody's statistics, and a failure is not among the successes.
            if turn.sent:
                self._answered += 1
                self._learn(turn, self._clock() - began, is_polite=is_polite)
        finally:
            async with self._changed:
                self._in_flight -= 1
                self._changed.notify_all()

    async def look(self) -> None:
        """See whether somebody else asks; to be called each LOOK_SECONDS while a job runs."""
        try:
            counted = await self._count_requests(self._release)
        except InferenceError:
            self._looks.clear()
            return
        self._looks.append(counted.requests - self._answered)
        unremarkable = _CALLS_WHILE_ALONE + _CANARIES * counted.servers
        if self._looks[-1] - self._looks[0] > unremarkable:
            self._polite_until = self._clock() + _POLITE_SECONDS
        async with self._changed:
            self._changed.notify_all()

    def _has_room(self) -> bool:
        return self._in_flight < (1 if self.is_polite else _CALLS_WHILE_ALONE)

    def _most_items(self) -> int:
        if not self.is_polite:
            return self._alone.items
        now = self._clock()
        if now >= self._probe_at:
            self._probe_at = now + _PROBE_INTERVAL_SECONDS
            self._one_item.clear()
        if len(self._one_item) < _PROBES:
            return 1
        return self._polite.items

    def _learn(self, turn: Turn, seconds: float, *, is_polite: bool) -> None:
        if not is_polite:
            self._alone.learn(turn.sent, seconds, _LONGEST_CALL_SECONDS)
            return
        if turn.most == 1 and len(self._one_item) < _PROBES:
            self._one_item.append(seconds)
            return
        self._polite.learn(turn.sent, seconds, _TOLERATED * median(self._one_item))


class _Size:
    """How many items to send at once: twice as many until that is slow, half where it is."""

    def __init__(self, largest: int, clock: Callable[[], float]) -> None:
        self._largest = largest
        self._clock = clock
        self._window: list[float] = []
        self._grow_at = float("-inf")
        self.items = 1

    def learn(self, items: int, seconds: float, bound_seconds: float) -> None:
        """Note how long a call of so many items took."""
        # One of fewer items tells nothing, unless even it was slow.
        if items > self.items or (items < self.items and seconds <= bound_seconds):
            return
        self._window.append(seconds)
        if len(self._window) < _WINDOW_CALLS:
            return
        usual = median(self._window)
        self._window.clear()
        now = self._clock()
        if usual > bound_seconds:
            self.items = max(1, self.items // 2)
            self._grow_at = now + _TRY_AGAIN_SECONDS
        elif now >= self._grow_at:
            self.items = min(self._largest, 2 * self.items)
