"""When to try the next heal of a release, and when to give up and start the whole server anew."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

# Failed heals of one release in a row after which the server is started anew, once.
RESTART_AFTER: Final = 3
# A release that stayed well for so long was healed; the next death is a new story.
WELL_SECONDS: Final = 3.0
_FIRST_WAIT_SECONDS: Final = 0.5
_MAX_WAIT_SECONDS: Final = 60.0


@dataclass
class _Rung:
    failures: int = 0
    not_before: float = 0.0
    well_since: float | None = None


class HealLadder:
    """Remembers, per release, how often a heal did not last.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rungs: dict[str, _Rung] = {}

    def waits_seconds(self, release: str) -> float:
        """How long until the next heal may be tried; 0 is now."""
        rung = self._rungs.get(release)
        return max(0.0, rung.not_before - self._clock()) if rung else 0.0

    def note_trouble(self, release: str) -> None:
        """It died; soon after a heal that counts as a heal that failed."""
        rung = self._rungs.setdefault(release, _Rung())
        if rung.well_since is None:
            return
        if self._clock() - rung.well_since > WELL_SECONDS:
            rung.failures, rung.not_before = 0, 0.0
        else:
            self.note_failure(release)
        rung.well_since = None

    def note_failure(self, release: str) -> None:
        """A heal did not bring it back."""
        rung = self._rungs.setdefault(release, _Rung())
        rung.failures += 1
        rung.well_since = None
        wait = min(_FIRST_WAIT_SECONDS * 2 ** min(rung.failures - 1, 10), _MAX_WAIT_SECONDS)
        rung.not_before = self._clock() + wait

    def has_failed(self, release: str) -> bool:
        """Whether the last heal of it did not bring it back."""
        rung = self._rungs.get(release)
        return rung is not None and rung.failures > 0

    def note_well(self, release: str) -> None:
        """Golden inputs get golden answers again."""
        rung = self._rungs.setdefault(release, _Rung())
        if rung.well_since is None:
            rung.well_since = self._clock()

    def forget(self, release: str) -> None:
        """It is not served any more; if it is again, that is a new story."""
        self._rungs.pop(release, None)

    def wants_restart(self, release: str) -> bool:
        """Whether so many heals failed that a new server is worth a try; said once per story."""
        rung = self._rungs.get(release)
        if rung is None or rung.failures != RESTART_AFTER:
            return False
        rung.failures += 1  # what a new server does not mend, another one will not
        return True
