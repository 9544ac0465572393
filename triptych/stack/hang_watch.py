"""A process that runs and says nothing: how long it has been so."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

# Many times what a busy machine needs for a word.
HUNG_SECONDS: Final = 30.0


class HangWatch:
    """Knows who has spoken, and when for the last time.

    One that has never spoken is still starting, which takes as long as it takes.

    Args:
        clock: Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard: dict[int, float] = {}  # by pid

    def hangs(self, pid: int, *, has_spoken: bool) -> bool:
        """Note whether it says something now; whether it has been silent for too long."""
        now = self._clock()
        if has_spoken:
            self._heard[pid] = now
        return now - self._heard.get(pid, now) > HUNG_SECONDS

    def forget(self, pid: int) -> None:
        """It is gone."""
        self._heard.pop(pid, None)
