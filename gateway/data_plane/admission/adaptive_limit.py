"""How many calls to have in flight: as many as keep latency near what an unloaded server has."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final

_INITIAL: Final = 8
_FLOOR: Final = 2  # one at work, one on its way: less would leave the server idle between calls
_SMALLEST_WINDOW: Final = 8  # calls that are looked at together before the limit moves
_LARGEST_WINDOW: Final = 64
# What takes less feels instantaneous (Nielsen 1993); and batches of a small network would stay
# small if it had to answer in 12 ms.
_UNNOTICED_SECONDS: Final = 0.1
_DEADBAND: Final = 0.9  # nearer than this to the tolerance, the limit stays
_LARGEST_CUT: Final = 0.5
_PROBE_CALLS: Final = 3
_PROBE_INTERVAL_SECONDS: Final = 30.0
_PROBE_SECONDS: Final = 1.0  # slow calls must not hold the line for longer
_GRANULE_BITS: Final = 14  # sizes within the same power of two of 16 KiB are alike


@dataclass(frozen=True)
class Call:
    """One call that is on its way."""

    started: float  # seconds, of the limit's clock
    serial: int  # how many had begun with it
    found_none: bool  # whether nothing else was in flight when it began
    size: tuple[int, int]  # of its kind: powers of two of items and of bytes


class AdaptiveLimit:
    """Additive increase and multiplicative decrease on latency, as TCP does on loss.

    A call is compared with what calls of its size take alone; the limit rises while the median of
    a window stays within the tolerance, and shrinks in proportion where it does not (in a full
    server latency grows with what is in flight: Little's law). It starts by doubling. When nothing
    has run alone for a while, a few calls are made to, or the comparison would drift with the load.
    What takes less than 100 ms is within the tolerance in any case.

    Sources: Chiu and Jain 1989 (AIMD); Cardwell et al. 2016 (BBR, probing for the unloaded time).

    Args:
        ceiling: Never more than this.
        tolerance: How many times its unloaded latency a call may take.
        clock: Monotonic seconds.
    """

    def __init__(
        self, *, ceiling: int, tolerance: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ceiling = ceiling
        self._tolerance = tolerance
        self._clock = clock
        self._limit = float(min(_INITIAL, ceiling))
        self._is_doubling = True
        self._alone: dict[tuple[int, int], deque[float]] = {}
        self._fastest: dict[tuple[int, int], float] = {}
        self._window: list[float] = []
        self._was_full = False
        self._changed_at = self._probe_at = self._probe_ends_at = clock()
        self._probe_calls_left = self._begun = 0

    @property
    def sustained(self) -> int:
        """The limit, whether or not a probe holds it down for a moment."""
        return max(1, int(self._limit))

    def current(self) -> int:
        """How many calls may be in flight now."""
        return 1 if self._is_probing() else self.sustained

    def seconds_held(self) -> float:
        """For how long a probe still holds the limit down; 0 where none does."""
        return max(0.0, self._probe_ends_at - self._clock())

    def begin(self, *, in_flight: int, items: int, size_bytes: int) -> Call:
        """Note that a call begins; `in_flight` counts it."""
        if in_flight >= self.sustained:
            self._was_full = True
        size = (items.bit_length(), (size_bytes >> _GRANULE_BITS).bit_length())
        self._begun += 1
        return Call(self._clock(), self._begun, in_flight == 1, size)

    def end(self, call: Call) -> None:
        """Learn from a call that was answered."""
        now = self._clock()
        seconds = now - call.started
        if call.found_none and call.serial == self._begun:  # and nothing joined it
            self._alone.setdefault(call.size, deque(maxlen=5)).append(seconds)
            self._note_probe(now)
        self._fastest[call.size] = min(seconds, self._fastest.get(call.size, seconds))
        if call.started < self._changed_at:
            return  # it ran under another limit
        unnoticed = _UNNOTICED_SECONDS / self._tolerance
        self._window.append(seconds / max(self._unloaded_seconds(call.size), unnoticed))
        if len(self._window) >= min(max(_SMALLEST_WINDOW, self.sustained), _LARGEST_WINDOW):
            self._adjust(median(self._window), now)

    def _unloaded_seconds(self, size: tuple[int, int]) -> float:
        """What a call takes alone; of a size that never ran alone, the best that was seen."""
        alone = self._alone.get(size)
        return median(alone) if alone else self._fastest[size]

    def _is_probing(self) -> bool:
        now = self._clock()
        if now >= self._probe_at:
            self._probe_at = now + _PROBE_INTERVAL_SECONDS
            self._probe_ends_at = now + _PROBE_SECONDS
            self._probe_calls_left = _PROBE_CALLS
        return now < self._probe_ends_at

    def _note_probe(self, now: float) -> None:
        self._probe_at = now + _PROBE_INTERVAL_SECONDS
        self._probe_calls_left -= 1
        if self._probe_calls_left <= 0:
            self._probe_ends_at = now

    def _adjust(self, ratio: float, now: float) -> None:
        before = self._limit
        if ratio > self._tolerance:
            self._is_doubling = False
            self._limit *= max(_LARGEST_CUT, self._tolerance / ratio)
        elif self._was_full and ratio < self._tolerance * _DEADBAND:
            self._limit += self._limit if self._is_doubling else 1
        self._limit = min(max(self._limit, _FLOOR), self._ceiling)
        self._window.clear()
        self._was_full = False
        if self._limit != before:
            self._changed_at = now
