"""One look at the database for all who watch jobs, however many of them watch the same."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from typing import Final

from gateway.errors import DatabaseUnavailable, KeyOverloaded, Overloaded
from gateway.jobs.job import Job

logger = logging.getLogger(__name__)

# So nobody is told more often than twice a second.
LOOK_SECONDS: Final = 0.5
MOST_SEATS: Final = 100

Look = Callable[[Collection[str]], Awaitable[Sequence[Job]]]


class Seat:
    """One who watches one job.

    Args:
        job: As it stood when it was sat down.
        key_id: Whose place it is.
    """

    def __init__(self, job: Job, key_id: str) -> None:
        self.job = job
        self.key_id = key_id
        self.is_over = False
        """Whether there is nothing more to see: the job is gone."""
        self._news = asyncio.Event()

    async def news(self, within_seconds: float) -> Job | None:
        """The job, once it is another than it was; None: it is not yet."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                await self._news.wait()
        if not self._news.is_set() or self.is_over:
            return None
        self._news.clear()
        return self.job

    def tell(self, job: Job | None) -> None:
        """Say how it stands now; None: there is no such job any more."""
        if job == self.job:
            return
        self.job = job or self.job
        self.is_over = job is None
        self._news.set()


class JobWatch:
    """Looks while somebody watches.

    Args:
        look: Tells how jobs stand.
        look_seconds: The pause between two looks.
        most_seats: Who may watch at once; one key gets half of them.
    """

    def __init__(
        self, look: Look, *, look_seconds: float = LOOK_SECONDS, most_seats: int = MOST_SEATS
    ) -> None:
        self._look = look
        self._look_seconds = look_seconds
        self._most_seats = most_seats
        self._seats: set[Seat] = set()
        self._is_watched = asyncio.Event()

    @contextlib.contextmanager
    def seat(self, job: Job, key_id: str) -> Iterator[Seat]:
        """Watch a job, as it was just read.

        Raises:
            Overloaded: too many do.
            KeyOverloaded: this key does too often.
        """
        if len(self._seats) >= self._most_seats:
            raise Overloaded(f"{self._most_seats} streams of jobs are open here; try again soon")
        of_key = sum(seat.key_id == key_id for seat in self._seats)
        if of_key >= max(1, self._most_seats // 2):
            raise KeyOverloaded(f"this key has {of_key} streams of jobs open")
        seat = Seat(job, key_id)
        self._seats.add(seat)
        self._is_watched.set()
        try:
            yield seat
        finally:
            self._seats.remove(seat)

    async def run(self) -> None:
        """Look again and again; a database that does not answer is asked again."""
        while True:
            await asyncio.sleep(self._look_seconds)
            if not self._seats:
                self._is_watched.clear()
                await self._is_watched.wait()
            try:
                await self._look_once()
            except DatabaseUnavailable as exc:
                logger.warning("whoever watches jobs sees nothing new: %s", exc)
            except Exception:  # last resort: a loop that ended would never be missed
                logger.exception("a look at jobs has failed; the next one is soon")

    async def _look_once(self) -> None:
        watching = list(self._seats)  # whoever comes meanwhile has looked itself
        found = {job.id: job for job in await self._look({seat.job.id for seat in watching})}
        for seat in watching:
            seat.tell(found.get(seat.job.id))
