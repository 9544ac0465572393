"""How long to wait before tritonserver is started again, so that a broken one does not spin."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

HEALTHY_SECONDS: Final = 180.0


class StartBackoff:
    """Counts ends that nobody asked for; the first costs nothing, each further one twice the last.

    Args:
        first_seconds: The wait after the second end.
        max_seconds: The longest wait.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        first_seconds: float,
        max_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._first_seconds = first_seconds
        self._max_seconds = max_seconds
        self._clock = clock
        self._healthy_since: float | None = None
        self.ends = 0

    def note_healthy(self) -> None:
        """All is proven; after some minutes of that the past is forgotten."""
        if self._healthy_since is None:
            self._healthy_since = self._clock()

    def note_end(self) -> float:
        """It ended, or did not come up; the seconds to wait before the next start."""
        now = self._clock()
        if self._healthy_since is not None and now - self._healthy_since > HEALTHY_SECONDS:
            self.ends = 0
        self._healthy_since = None
        self.ends += 1
        if self.ends == 1:
            return 0.0
        doublings = min(self.ends - 2, 30)  # beyond it a float's range would be in danger
        return min(float(self._first_seconds * 2**doublings), self._max_seconds)
