"""How much harm one key may do: each harmful item takes a release away for a heal."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from gateway.errors import RateLimited

_MOST_HARM: Final = 3
_WITHIN_SECONDS: Final = 60.0


class HarmByKey:
    """Refuses a key for a moment whose items have ended several stubs just now.

    Without it one key with many different harmful items would keep a release away for good, from
    all the others.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: dict[str, deque[float]] = {}

    def note(self, key_id: str) -> None:
        """An item of this key has ended a stub."""
        self._forget_old_ones()
        self._times.setdefault(key_id, deque(maxlen=_MOST_HARM)).append(self._clock())

    def check(self, key_id: str) -> None:
        """Let a call of this key through.

        Raises:
            RateLimited: it has done too much harm within the last minute.
        """
        times = self._times.get(key_id)
        if times is None or len(times) < _MOST_HARM:
            return
        seconds = times[0] + _WITHIN_SECONDS - self._clock()
        if seconds > 0:
            raise RateLimited(
                "items of this key have ended what looks at them several times in a row", seconds
            )

    def _forget_old_ones(self) -> None:
        oldest = self._clock() - _WITHIN_SECONDS
        self._times = {key: times for key, times in self._times.items() if times[-1] > oldest}
