"""How long one picture may take, on a machine that may be busy with other things."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

# From its deadline on a decoder is looked at so often.
LOOK_SECONDS: Final = 0.02
# A page fault, a lock: a decoder at work can be found asleep once, hardly so often in a row.
_ASLEEP_IN_A_ROW: Final = 5
# However busy the machine is: so many times the deadline is enough.
_HARD_FACTOR: Final = 10


class Worker(Protocol):
    """What is watched."""

    def cpu_seconds(self) -> float:
        """The CPU time that it has used so far."""

    @property
    def is_asleep(self) -> bool:
        """Whether it neither runs nor waits for a processor or a disk."""


@dataclass
class Patience:
    """Watches one worker at one picture.

    Its CPU time counts, not the clock on the wall, because a busy machine makes every picture slow;
    and one that sleeps is given up at the same deadline, because decoding never sleeps.

    Args:
        worker: Has just been given the picture.
        seconds: The deadline.
        more_seconds: Asked once, when the deadline has passed: what a picture of that size may take
            on top. Ordinary pictures never pay for the question.
        now: The clock on the wall, in seconds.
    """

    worker: Worker
    seconds: float
    more_seconds: Callable[[], float]
    now: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._begun_at = self.now()
        self._cpu_before = self.worker.cpu_seconds()
        self._next_look_at = self._begun_at + self.seconds
        self._asleep_in_a_row = 0
        self._was_asked = False

    def seconds_to_next_look(self) -> float:
        """How long nothing has to be done; 0 when it is time for another look."""
        return max(0.0, self._next_look_at - self.now())

    def is_over_now(self) -> bool:
        """Whether this picture has had all the time that it gets; asks the kernel when due."""
        return self.now() >= self._next_look_at and self._is_over()

    def _is_over(self) -> bool:
        if not self._was_asked:
            self._was_asked = True
            self.seconds += self.more_seconds()
        now = self.now()
        waited = now - self._begun_at
        self._next_look_at = now + LOOK_SECONDS
        self._asleep_in_a_row = self._asleep_in_a_row + 1 if self.worker.is_asleep else 0
        return (
            self._asleep_in_a_row >= _ASLEEP_IN_A_ROW
            or self.worker.cpu_seconds() - self._cpu_before >= self.seconds
            or waited >= _HARD_FACTOR * self.seconds
        )
