"""Whether anybody but canaries asks Triton anything: told from its own statistics."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from python_backends.shared.contract import STEP_NAMES
from triptych.client.triton import ModelCounts

_COUNTS_PER_CANARY: Final = len(STEP_NAMES)


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
        counted = sum(it.requests + it.failures for it in counts.values())
        foreign = counted - self._counted - _COUNTS_PER_CANARY * (canaries - self._canaries)
        # A model that was loaded anew counts from nothing: less is a change, too.
        if self._counted < 0 or counted < self._counted or foreign > 0:
            self._since = self._clock()
            self._counted, self._canaries = counted, canaries
        return self._clock() - self._since
