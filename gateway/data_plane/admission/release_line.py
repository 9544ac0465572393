"""The line before one release: how many are on their way to Triton, and who waits."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from gateway.control_plane.api_key import Priority
from gateway.data_plane.admission.adaptive_limit import AdaptiveLimit
from gateway.data_plane.admission.fair_queue import FairQueue
from gateway.data_plane.admission.shared_places import SharedPlaces
from gateway.errors import InferenceTimeout

# Of a contended release an interactive key gets eight times what a batch key gets.
_COST_PER_ITEM: Final = {Priority.INTERACTIVE: 1.0, Priority.BATCH: 8.0}


class Turn:
    """One call that may be made now."""

    def __init__(self) -> None:
        self.is_typical = True

    def spoil(self) -> None:
        """Say that the time that it takes tells nothing of the load: a server had to be healed."""
        self.is_typical = False


class ReleaseLine:
    """Places before one release, and turns in it.

    Of interactive requests three quarters of a batch may wait: so none waits longer than Triton
    takes for its largest batch, with something to spare for those in flight.

    Args:
        limit: How many may be in flight.
        max_batch_size: Of the release.
        most_batch_requests: How many of priority "batch" may be here at once.
    """

    def __init__(
        self, limit: AdaptiveLimit, *, max_batch_size: int, most_batch_requests: int
    ) -> None:
        self.limit = limit
        self._may_wait = max(2, math.ceil(max_batch_size * 0.75))
        self.in_flight = 0
        self._places = {
            it: SharedPlaces(f"places for {it} requests before this release", most_batch_requests)
            for it in Priority
        }
        self._queue = FairQueue()
        self._wake: asyncio.TimerHandle | None = None

    @property
    def is_full(self) -> bool:
        """Whether one call more would have to wait, or would take what somebody waits for."""
        return bool(self._queue) or self.in_flight >= self.limit.sustained

    @property
    def waiting(self) -> int:
        """Calls that wait for their turn."""
        return len(self._queue)

    def take_place(self, key_id: str, priority: Priority) -> None:
        """Let a request into the line, before its body is read.

        Raises:
            Overloaded: the line is full.
            KeyOverloaded: this key has its share of it.
        """
        places, assured = self._places[priority], 0
        if priority is Priority.INTERACTIVE:
            assured = self.limit.sustained
            places.capacity = assured + self._may_wait
        places.take(key_id, assured=assured, keys_with_room=self._may_wait)

    def step_out(self, key_id: str, priority: Priority) -> None:
        """Give the place back."""
        self._places[priority].give_back(key_id)

    def step_in(self, key_id: str, priority: Priority) -> None:
        """Take a place again, even if the line is full by now."""
        self._places[priority].take_anyway(key_id)

    @asynccontextmanager
    async def turn(
        self, key_id: str, priority: Priority, *, items: int, size_bytes: int, deadline: float
    ) -> AsyncIterator[Turn]:
        """Wait for one's turn; inside, one call may be made.

        Args:
            key_id: Whose turn it is to be.
            priority: Says what an item costs its key.
            items: Of the call.
            size_bytes: Of the call.
            deadline: Of the event loop's clock.

        Raises:
            InferenceTimeout: the deadline passed while waiting; nothing was sent.
        """
        if self._queue or self.in_flight >= self.limit.current():
            await self._wait(key_id, _COST_PER_ITEM[priority] * items, deadline)
        else:
            self.in_flight += 1
        call = self.limit.begin(in_flight=self.in_flight, items=items, size_bytes=size_bytes)
        turn = Turn()
        try:
            yield turn
            if turn.is_typical:  # of a failure the time says nothing of the load, either
                self.limit.end(call)
        finally:
            self.in_flight -= 1
            self._let_in()

    async def _wait(self, key_id: str, cost: float, deadline: float) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._queue.join(key_id, cost, waiter)
        self._let_in()
        try:
            async with asyncio.timeout_at(deadline):
                await waiter
        except TimeoutError as exc:
            self._undo(key_id, cost, waiter)
            raise InferenceTimeout("the deadline passed before it was this request's turn") from exc
        except asyncio.CancelledError:
            self._undo(key_id, cost, waiter)
            raise

    def _undo(self, key_id: str, cost: float, waiter: asyncio.Future[None]) -> None:
        # Both can come true in one turn of the event loop.
        if waiter.done() and not waiter.cancelled():
            self.in_flight -= 1
            self._let_in()
        else:
            self._queue.leave(key_id, cost)

    def _let_in(self) -> None:
        while self.in_flight < self.limit.current() and (waiter := self._queue.next()):
            self.in_flight += 1
            waiter.set_result(None)
        if self._queue and (seconds := self.limit.seconds_held()) and not self._wake:
            # A probe may end while nothing comes or goes.
            self._wake = asyncio.get_running_loop().call_later(seconds, self._woken)

    def _woken(self) -> None:
        self._wake = None
        self._let_in()
