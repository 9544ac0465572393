"""A Triton that wants a restart gets it while the others serve; one at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Protocol

# Between two of them: long enough that what was asked for shows in /status.
_PAUSE_SECONDS: Final = 10.0
# What a dead stub had in its hands is asked again, one by one, of the same server after its heal; a
# restart in the middle of that would make it wait for the whole of it.
_SETTLE_SECONDS: Final = 3.0


class Watch(Protocol):
    """What supervisors say, and a way to ask one for a restart."""

    @property
    def urls(self) -> tuple[str, ...]:
        """Of the supervisors."""

    def said(self, index: int) -> dict[str, Any] | None:
        """Its /status, or None while it does not answer."""

    def ask_for_restart(self, index: int) -> bool:
        """Whether it is about to restart its Triton."""


class QuietRestarts:
    """Asks for restarts that supervisors want. A single Triton sees to its own.

    Args:
        watch: What the supervisors say.
        say: Is told what was asked for.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        watch: Watch,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._watch = watch
        self._say = say
        self._clock = clock
        self._not_before = 0.0
        self._wanted_since: dict[int, float] = {}

    def look(self) -> None:
        """Ask the first that has wanted one for a moment, if every other is ready."""
        now = self._clock()
        if len(self._watch.urls) < 2 or now < self._not_before:
            return
        said = [self._watch.said(index) for index in range(len(self._watch.urls))]
        ready = [status is not None and status.get("ready") is True for status in said]
        for index, status in enumerate(said):
            why = status and status.get("restart_wanted")
            if not why:
                self._wanted_since.pop(index, None)
                continue
            has_settled = now >= self._wanted_since.setdefault(index, now) + _SETTLE_SECONDS
            if has_settled and all(ready[:index] + ready[index + 1 :]):
                self._not_before = now + _PAUSE_SECONDS
                if self._watch.ask_for_restart(index):
                    self._say(f"Triton {index} is restarted: {why}")
                return
