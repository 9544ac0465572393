"""How slow this machine is just now, so that a limit in seconds means the same everywhere."""

from __future__ import annotations

import time
from typing import Final

# A quiet core of the machine that the limits were chosen on needs so long.
_ORDINARY_SECONDS: Final = 0.02
_TURNS: Final = 400_000
_MOST: Final = 3.0


def slowness() -> float:
    """1 on an ordinary machine, more on a slow or busy one, never less; at most 3."""
    taken = []
    for _ in range(5):
        started = time.perf_counter()
        total = 0
        for number in range(_TURNS):
            total += number
        taken.append(time.perf_counter() - started)
    return min(_MOST, max(1.0, sorted(taken)[2] / _ORDINARY_SECONDS))
