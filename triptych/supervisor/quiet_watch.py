"""Whether anybody but canaries asks Triton anything: told from its own statistics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from python_backends.shared.contract import STEP_NAMES
from triptych.client.triton import ModelCounts

_COUNTS_PER_CANARY: Final = len(STEP_NAMES)


class ReleaseWatch:
    """Tells for how long nobody asked one release anything, and how much came before.

    Args:
        models: Its ensemble and its steps: each of them may be asked directly.
        clock: Monotonic seconds.
    """

    def __init__(self, models: Iterable[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._last: dict[str, int] = {}
        self._came = dict.fromkeys(models, 0)

    @property
    def inferences(self) -> int:
        """How many came since the first look; one of the ensemble is one, whatever its steps."""
        return max(self._came.values())

    def look(self, counts: Mapping[str, ModelCounts]) -> float:
        """Take in what was counted so far, and give the seconds of quiet until now."""
        for model in self._came:
            counted = _counted(counts.get(model, ModelCounts()))
            last = self._last.setdefault(model, counted)
            if counted != last:
                # A model that was loaded anew counts from nothing.
                self._came[model] += counted - last if counted > last else counted
                self._since = self._clock()
            self._last[model] = counted
        return self._clock() - self._since


class QuietWatch:
    """Tells for how long nobody asked anything; direct clients are seen too.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._counted, self._canaries = -1, 0

    def look(self, counts: Mapping[str, ModelCounts], canaries: int) -> float:
        """Take in what was counted so far, and give the seconds of quiet until now.

        Args:
            counts: Of every model.
            canaries: How many were begun so far; each is counted by the ensemble and its steps.
        """
        counted = sum(map(_counted, counts.values()))
        foreign = counted - self._counted - _COUNTS_PER_CANARY * (canaries - self._canaries)
        # A model that was loaded anew counts from nothing: less is a change, too.
        if self._counted < 0 or counted < self._counted or foreign > 0:
            self._since = self._clock()
            self._counted, self._canaries = counted, canaries
        return self._clock() - self._since


def _counted(counts: ModelCounts) -> int:
    return counts.requests + counts.failures
