"""Who waits for a place, in the order in which they are let in."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count
from typing import Final

_FEW: Final = 64  # waiters that went away and may stay in the heap until it is their turn


class FairQueue:
    """Start-time fair queuing: every key gets its share, however much another one sends.

    A waiter's tag is when its service would start if each key were served at the same pace; the
    lowest tag goes first. A cost of 8 moves its key back eight times as far as a cost of 1.

    Source: Goyal, Vin and Cheng 1996.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, asyncio.Future[None]]] = []
        self._virtual_time = 0.0
        self._next_start: dict[str, float] = {}
        self._arrival = count()
        self._gone = 0

    def __bool__(self) -> bool:
        """Whether anybody waits."""
        self._drop_gone()
        return bool(self._heap)

    def __len__(self) -> int:
        """How many wait."""
        return sum(not waiter.done() for _, _, waiter in self._heap)

    def join(self, key_id: str, cost: float, waiter: asyncio.Future[None]) -> None:
        """Stand in line; a waiter that is done by the time of its turn counts as gone."""
        if not self:
            self._next_start.clear()  # a debt lasts as long as anybody waits
        start = max(self._virtual_time, self._next_start.get(key_id, 0.0))
        self._next_start[key_id] = start + cost
        heapq.heappush(self._heap, (start, next(self._arrival), waiter))

    def leave(self, key_id: str, cost: float) -> None:
        """Note that a waiter, done by now, went away unserved; its key pays nothing for it."""
        if key_id in self._next_start:
            self._next_start[key_id] -= cost
        self._gone += 1
        if self._gone > max(_FEW, len(self._heap) // 2):
            self._heap = [it for it in self._heap if not it[2].done()]
            heapq.heapify(self._heap)
            self._gone = 0

    def next(self) -> asyncio.Future[None] | None:
        """Take out whoever is first, or None where nobody waits."""
        self._drop_gone()
        if not self._heap:
            return None
        start, _, waiter = heapq.heappop(self._heap)
        self._virtual_time = max(self._virtual_time, start)
        return waiter

    def _drop_gone(self) -> None:
        while self._heap and self._heap[0][2].done():
            heapq.heappop(self._heap)
