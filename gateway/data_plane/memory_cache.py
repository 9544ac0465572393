"""Answers kept in memory: the least recently used goes first, and bytes are what counts."""

from __future__ import annotations

import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

from python_backends.shared.contract import ItemAnswer

# Entry, answer with its attributes, times and a node of the OrderedDict; a test measures it.
_OVERHEAD_BYTES: Final = 460
_FLOAT_BYTES: Final = sys.getsizeof(1.0)


class _Entry(NamedTuple):
    answer: ItemAnswer
    expires_at: float
    size_bytes: int


class MemoryCache:
    """A bounded map from a key to an answer.

    Args:
        limit_bytes: What all entries may take together, keys and bookkeeping included.
        ttl_seconds: How long an answer is good.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        limit_bytes: int,
        *,
        ttl_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit_bytes = limit_bytes
        self._ttl_seconds = ttl_seconds
        self._clock = clock
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self.size_bytes = 0

    def get(self, key: bytes) -> ItemAnswer | None:
        """An answer that is still good."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires_at <= self._clock():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry.answer

    def put(self, key: bytes, answer: ItemAnswer) -> bool:
        """Keep an answer, and say whether it fits."""
        if key in self._entries:
            self._drop(key)
        size_bytes = _size_bytes(key, answer)
        if size_bytes > self._limit_bytes:
            return False
        self._entries[key] = _Entry(answer, self._clock() + self._ttl_seconds, size_bytes)
        self.size_bytes += size_bytes
        while self.size_bytes > self._limit_bytes:
            self._drop(next(iter(self._entries)))
        return True

    def _drop(self, key: bytes) -> None:
        self.size_bytes -= self._entries.pop(key).size_bytes


def _size_bytes(key: bytes, answer: ItemAnswer) -> int:
    labels = sys.getsizeof(answer.labels) + sum(map(sys.getsizeof, answer.labels))
    scores = sys.getsizeof(answer.scores) + _FLOAT_BYTES * len(answer.scores)
    return _OVERHEAD_BYTES + sys.getsizeof(key) + labels + scores
