"""Whose turn it is: every release each second while they are few, in turn while they are many."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final

from triptych.release import Golden, Release
from triptych.supervisor.canary import CanaryResult

logger = logging.getLogger(__name__)

# So few are asked in each interval, whatever they cost.
FEW: Final = 2
# Measured: 7 ms of processor time on both sides for an answer that takes 3.4 ms at its fastest.
_CPU_PER_ANSWER: Final = 2.0
# What canaries may use of one core when there are more, and how long a release may go unasked.
CPU_SHARE: Final = 0.01
LONGEST_SECONDS: Final = 10.0
_AT_ONCE: Final = 8
# After a failure it is asked again so soon, not in its turn.
_AGAIN_SECONDS: Final = 0.25


def round_seconds(costs_seconds: Sequence[float], interval_seconds: float) -> float:
    """How long one round over all releases takes.

    Args:
        costs_seconds: Processor time of one canary of each release, judged by its fastest answer.
        interval_seconds: The shortest round.
    """
    if len(costs_seconds) <= FEW:
        return interval_seconds
    longest = max(interval_seconds, LONGEST_SECONDS)
    return min(max(sum(costs_seconds) / CPU_SHARE, interval_seconds), longest)


@dataclass
class _Turn:
    asked: int = 0
    last: float = float("-inf")
    cost_seconds: float = 0.01
    answer: Future[None] | None = None
    is_urgent: bool = False


class CanaryRounds:
    """Sends canaries while it is not paused.

    Args:
        releases: Those that are served now.
        send: Replays a golden input and tells whoever cares; None where it did not get that far.
        interval_seconds: Between two canaries of a release while they are few.
    """

    def __init__(
        self,
        releases: Callable[[], Sequence[Release]],
        send: Callable[[Release, Golden], CanaryResult | None],
        interval_seconds: float,
    ) -> None:
        self._releases = releases
        self._send = send
        self._interval_seconds = interval_seconds
        self._turns: dict[str, _Turn] = {}
        self._stopping = threading.Event()

    def run(self) -> None:
        """Take turns until `stop`."""
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="canary")
        tick = min(self._interval_seconds, _AGAIN_SECONDS)
        try:
            while not self._stopping.wait(tick):
                for release in self._due():
                    self._begin(pool, release)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def stop(self) -> None:
        """End `run` soon."""
        self._stopping.set()

    def wait_for(self, release: str, timeout_seconds: float) -> None:
        """Wait until no canary of a release is on its way."""
        turn = self._turns.get(release)
        if turn is not None and turn.answer is not None:
            wait([turn.answer], timeout_seconds)

    def _due(self) -> list[Release]:
        releases = list(self._releases())
        for release in releases:
            self._turns.setdefault(str(release.name), _Turn())
        turns = [self._turns[str(release.name)] for release in releases]
        every = round_seconds([turn.cost_seconds for turn in turns], self._interval_seconds)
        now = time.monotonic()
        tick = min(self._interval_seconds, _AGAIN_SECONDS)
        due = [
            (turn.last, release)
            for turn, release in zip(turns, releases, strict=True)
            if (turn.answer is None or turn.answer.done())
            and (turn.is_urgent or now - turn.last >= every - tick / 2)
        ]
        # Those that waited longest go first, and never all of many at once.
        due.sort(key=lambda entry: entry[0])
        at_once = max(FEW, round(len(releases) * tick / every + 0.5))
        return [release for _, release in due[:at_once]]

    def _begin(self, pool: ThreadPoolExecutor, release: Release) -> None:
        turn = self._turns[str(release.name)]
        golden = release.golden[turn.asked % len(release.golden)]
        turn.last, turn.is_urgent = time.monotonic(), False
        turn.answer = pool.submit(self._ask, turn, release, golden)

    def _ask(self, turn: _Turn, release: Release, golden: Golden) -> None:
        result = self._send(release, golden)
        if result is None:
            return
        turn.asked += 1
        turn.is_urgent = result.reason is not None
        if not result.reason:
            # The fastest of late: a busy server must not make canaries look dear.
            seconds = _CPU_PER_ANSWER * result.duration_ms / 1000
            turn.cost_seconds = min(seconds, turn.cost_seconds * 1.05)
