"""What the watchers noticed and nobody has put right yet; noted by any thread, read by one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Trouble:
    """What is wrong with one release."""

    noticed: float
    dead: dict[str, str] = field(default_factory=dict)  # step -> cause
    silent_since: float | None = None  # when the first canary without an answer was sent
    silences: int = 0
    is_new_silence: bool = False  # nobody has looked into the last one yet
    wrong: int = 0  # canaries in a row that were answered, but not as they should


class Troubles:
    """By release.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._by_release: dict[str, Trouble] = {}

    def _of(self, release: str) -> Trouble:
        return self._by_release.setdefault(release, Trouble(self._clock()))

    def note_death(self, release: str, step: str, cause: str) -> None:
        """A stub is dead, or hangs and has to be replaced."""
        with self._lock:
            self._of(release).dead[step] = cause

    def note_silence(self, release: str, sent: float) -> None:
        """A canary was not answered in time."""
        with self._lock:
            trouble = self._of(release)
            trouble.silences += 1
            trouble.is_new_silence = True
            if trouble.silent_since is None:
                trouble.silent_since = sent

    def note_wrong(self, release: str) -> None:
        """A canary was answered with an error, or with something else than it should be."""
        with self._lock:
            self._of(release).wrong += 1

    def clear(self, release: str) -> None:
        """All is right with it."""
        with self._lock:
            self._by_release.pop(release, None)

    def clear_all(self) -> None:
        """Whatever it was, there is a new server."""
        with self._lock:
            self._by_release.clear()

    def note_answer(self, release: str) -> None:
        """A canary was answered rightly; a death that was noticed since still stands."""
        with self._lock:
            trouble = self._by_release.get(release)
            if trouble and not trouble.dead:
                del self._by_release[release]

    def take_deaths(self, release: str) -> tuple[dict[str, str], float]:
        """The dead steps with their causes, and since when; from now on they are in hand."""
        with self._lock:
            trouble = self._of(release)
            dead, trouble.dead = trouble.dead, {}
            return dead, trouble.noticed

    def take_silence(self, release: str) -> tuple[float, int]:
        """Since when canaries are not answered, and how many; the last one is in hand."""
        with self._lock:
            trouble = self._of(release)
            trouble.is_new_silence = False
            since = trouble.silent_since if trouble.silent_since is not None else self._clock()
            return self._clock() - since, trouble.silences

    def has_deaths(self, release: str) -> bool:
        """Whether a step of it is dead and not in hand."""
        with self._lock:
            return bool(release in self._by_release and self._by_release[release].dead)

    def dead(self) -> list[str]:
        """Releases with dead steps, longest first."""
        return self._where(lambda it: bool(it.dead))

    def silent(self) -> list[str]:
        """Releases whose last canary was not answered."""
        return self._where(lambda it: it.is_new_silence and not it.dead)

    def wrong(self, at_least: int) -> list[str]:
        """Releases that answered wrongly so many times in a row."""
        return self._where(lambda it: it.wrong >= at_least and not it.dead)

    def _where(self, is_meant: Callable[[Trouble], bool]) -> list[str]:
        with self._lock:
            found = [(it.noticed, name) for name, it in self._by_release.items() if is_meant(it)]
        return [name for _, name in sorted(found)]
