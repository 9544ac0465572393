"""One part of the stack that is started again whenever it ends."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Final

from triptych.stack.leftovers import end_all, processes_with
from triptych.stack.services import Service

# Who lived so long is started at once when it ends; who ends again and again has to wait.
_LONG_LIFE_SECONDS: Final = 60.0
_LONGEST_PAUSE_SECONDS: Final = 30.0


class KeptPart:
    """A process and its successors. Make it, and call `look`, in the main thread.

    Args:
        service: How it is started.
        leftovers_seconds: How long what it started itself may take to end, when it is gone.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        service: Service,
        leftovers_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.service = service
        self.restarts = 0
        self._leftovers_seconds = leftovers_seconds
        self._clock = clock
        self._quick_ends = 0
        self._ended: float | None = None  # None while it runs
        self._due = 0.0
        self._started = clock()
        self.child = service.start()

    @property
    def name(self) -> str:
        """As a sentence begins with it."""
        return self.service.name

    @property
    def is_up(self) -> bool:
        """Whether its process was there when somebody last looked."""
        return self._ended is None

    def look(self) -> str | None:
        """See whether it still runs, and start it again where that is due.

        Returns:
            A sentence where something happened.
        """
        if self._ended is None:
            exit_code = self.child.exit_code()
            return None if exit_code is None else self._note_end(exit_code)
        if self._clock() < self._due or not self._is_clear():
            return None
        return self._start_again()

    def _note_end(self, exit_code: int) -> str:
        now = self._clock()
        self.child.stop(0)  # whatever is left of its process group
        self._ended = now
        if now - self._started >= _LONG_LIFE_SECONDS:
            self._quick_ends = 0
        pause = (
            min(2.0 ** (self._quick_ends - 1), _LONGEST_PAUSE_SECONDS) if self._quick_ends else 0
        )
        self._quick_ends += 1
        self._due = now + pause
        again = f"in {pause:g} s" if pause else "at once"
        return (
            f"{self.name} {_how(exit_code, self.child.last_words())}; it is started again {again}."
        )

    def _is_clear(self) -> bool:
        """Whether nothing of the predecessor holds ports or shared memory any more."""
        left = processes_with(self.service.mark)
        patience_ends = (self._ended or 0.0) + self._leftovers_seconds
        if left and self._clock() > patience_ends:
            end_all(left, signal.SIGKILL)
        return not left

    def _start_again(self) -> str | None:
        self._started = self._clock()
        try:
            self.child = self.service.start(again=True)
        except OSError as exc:  # no memory, no process: it may be otherwise in a moment
            self._due = self._clock() + _LONGEST_PAUSE_SECONDS
            return f"{self.name} cannot be started: {exc}; tried again in 30 s."
        self._ended = None
        self.restarts += 1
        return None


def _how(exit_code: int, last_words: str) -> str:
    if exit_code < 0:
        return f"was ended by {signal.Signals(-exit_code).name}"
    return f"ended with exit code {exit_code} ({last_words})"
