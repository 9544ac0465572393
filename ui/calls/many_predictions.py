"""Many pictures or texts, several at a time, each in a request of its own.

Forms of 32 files are quicker, 0.4 s instead of 1.0 s for 192 small pictures on two cores. But a
form has one request id, one time and one rate limit for all of it, and tells nothing meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event
from typing import Generic, TypeVar

from ui.errors import GatewayProblem, RequestRefused

AT_ONCE = 8

# So often the page hears how far it is, also while nothing comes.
_NEWS_SECONDS = 0.25
_LONGEST_WAIT_SECONDS = 60.0
# A used-up limit comes back for certain; a service that is busy may stay so.
_TOO_MANY_REQUESTS, _UNAVAILABLE = 429, 503
_MOST_TRIES_WHILE_BUSY = 4

ItemT = TypeVar("ItemT")
AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True)
class News(Generic[AnswerT]):
    """What has happened since the last news.

    Attributes:
        outcomes: Answers and problems, by the place of what they are about.
        waits_seconds: How long the gateway wants to be left alone; 0 while it is being asked.
    """

    outcomes: Mapping[int, AnswerT | GatewayProblem]
    waits_seconds: float


def ask_many(
    ask: Callable[[ItemT], AnswerT], items: Mapping[int, ItemT]
) -> Generator[News[AnswerT], None, None]:
    """Ask about each item, and tell news until all have an outcome.

    Whoever closes it early stops it: what is on its way is left to end, nothing else
    is sent.

    Args:
        ask: Called in several threads; its GatewayProblem is the item's outcome.
        items: By their places.
    """
    pace = _Pace()
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="ask-many")
    try:
        places = {
            pool.submit(_ask_patiently, ask, item, pace): place for place, item in items.items()
        }
        left: set[Future[AnswerT | GatewayProblem]] = set(places)
        while left:
            done, left = wait(left, timeout=_NEWS_SECONDS, return_when=FIRST_COMPLETED)
            yield News({places[it]: it.result() for it in done}, pace.seconds_left())
    finally:
        pace.stop()
        pool.shutdown(wait=False, cancel_futures=True)


class _Pace:
    """What the threads share: until when the gateway asked to wait, and whether to go on."""

    def __init__(self) -> None:
        self._stopped = Event()
        self._free_at = 0.0

    def stop(self) -> None:
        self._stopped.set()

    def hold(self, seconds: float) -> None:
        wait_seconds = min(max(seconds, _NEWS_SECONDS), _LONGEST_WAIT_SECONDS)
        self._free_at = max(self._free_at, time.monotonic() + wait_seconds)

    def seconds_left(self) -> float:
        return max(0.0, self._free_at - time.monotonic())

    def wait(self) -> None:
        while (seconds := self.seconds_left()) > 0 and not self._stopped.wait(seconds):
            pass
        if self._stopped.is_set():
            raise CancelledError("nobody waits for it any more")


def _ask_patiently(
    ask: Callable[[ItemT], AnswerT], item: ItemT, pace: _Pace
) -> AnswerT | GatewayProblem:
    busy = 0
    while True:
        pace.wait()
        try:
            return ask(item)
        except GatewayProblem as problem:
            busy += isinstance(problem, RequestRefused) and problem.status == _UNAVAILABLE
            seconds = _asked_to_wait(problem)
            if seconds is None or busy >= _MOST_TRIES_WHILE_BUSY:
                return problem.bare()
            pace.hold(seconds)


def _asked_to_wait(problem: GatewayProblem) -> float | None:
    if isinstance(problem, RequestRefused) and problem.status in {_TOO_MANY_REQUESTS, _UNAVAILABLE}:
        return problem.retry_after_seconds
    return None
