"""A Triton that wants a restart gets it while the others serve; one at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

# Between two of them: long enough that what was asked for shows in /status.
_PAUSE_SECONDS: Final = 10.0
# All have to be ready for so long: requests that waited for a heal get their turns meanwhile, and
# who dies once often dies again.
_SETTLED_SECONDS: Final = 5.0


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
        self._ready_since: float | None = None

    def look(self) -> None:
        """Ask the first that wants one, if all have been ready for a while, itself too.

        One that is being healed is left to it: that is faster than a restart, and its supervisor
        restarts what it cannot heal.
        """
        said = [self._watch.said(index) for index in range(len(self._watch.urls))]
        if len(said) < 2 or not self._are_settled(said) or self._clock() < self._not_before:
            return
        for index, status in enumerate(said):
            why = status and status.get("restart_wanted")
            if why:
                self._not_before = self._clock() + _PAUSE_SECONDS
                if self._watch.ask_for_restart(index):
                    self._say(f"Triton {index} is restarted: {why}")
                return

    def _are_settled(self, said: Sequence[dict[str, Any] | None]) -> bool:
        if not all(status is not None and status.get("ready") is True for status in said):
            self._ready_since = None
            return False
        if self._ready_since is None:
            self._ready_since = self._clock()
        return self._clock() - self._ready_since >= _SETTLED_SECONDS
