"""Who is to be told of which job's end, and how often that was tried."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from gateway.control_plane.transactions import translated
from gateway.jobs.job import Job
from gateway.jobs.job_rows import job_of, utc_now
from gateway.jobs.job_tables import JobNoticeRow, JobRow

# After each of these attempts so long a pause; after one more it is given up.
PAUSES: Final = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
)
# An attempt takes ten seconds at most; of one that its worker did not survive nobody hears more.
_ATTEMPT: Final = timedelta(seconds=60)
_MOST_CHARACTERS: Final = 500


@dataclass(frozen=True)
class Notice:
    """One attempt at telling of one job's end."""

    job: Job
    url: str
    attempt: int
    """From 1."""


class NoticeStore:
    """Gives each notice to one worker at a time.

    Args:
        engine: The control plane's database.
        clock: The time in UTC.
    """

    def __init__(self, engine: AsyncEngine, clock: Callable[[], datetime] = utc_now) -> None:
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self._clock = clock

    async def claim(self, limit: int) -> Sequence[Notice]:
        """Take what is due, the longest waiting first; nobody else gets it for a minute.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        # One that ends its worker each time is not taken without end either.
        is_due = (JobNoticeRow.next_at <= self._clock(), JobNoticeRow.attempts <= len(PAUSES))
        due = select(JobNoticeRow.job_id).where(*is_due)
        with translated():
            async with self._sessions() as session:
                wanted = due.order_by(JobNoticeRow.next_at, JobNoticeRow.job_id).limit(limit)
                found = (await session.scalars(wanted)).all()
            if not found:
                return ()
            async with self._sessions.begin() as session:
                taken = [await self._take(session, job_id) for job_id in found]
        return [notice for notice in taken if notice]

    async def _take(self, session: AsyncSession, job_id: str) -> Notice | None:
        now = self._clock()
        taken = (
            update(JobNoticeRow)
            .where(JobNoticeRow.job_id == job_id, JobNoticeRow.next_at <= now)
            .values(next_at=now + _ATTEMPT, attempts=JobNoticeRow.attempts + 1)
            .returning(JobNoticeRow.url, JobNoticeRow.attempts)
        )
        row = (await session.execute(taken)).first()
        if row is None:  # another worker was quicker
            return None
        job = (await session.scalars(select(JobRow).where(JobRow.id == job_id))).one()
        return Notice(job_of(job), row.url, row.attempts)

    async def delivered(self, notice: Notice) -> None:
        """Note that it was heard.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        await self._note(notice, next_at=None, trouble="", delivered_at=self._clock())

    async def failed(self, notice: Notice, trouble: str) -> bool:
        """Note what went wrong, and when to try again.

        Returns:
            Whether there will be another attempt.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        is_last = notice.attempt > len(PAUSES)
        next_at = None if is_last else self._clock() + PAUSES[notice.attempt - 1]
        await self._note(notice, next_at=next_at, trouble=trouble[:_MOST_CHARACTERS])
        return not is_last

    async def _note(
        self,
        notice: Notice,
        *,
        next_at: datetime | None,
        trouble: str,
        delivered_at: datetime | None = None,
    ) -> None:
        # Of this attempt only: another worker may have begun the next one, if this took too long.
        noted = update(JobNoticeRow).where(
            JobNoticeRow.job_id == notice.job.id, JobNoticeRow.attempts == notice.attempt
        )
        values = {"next_at": next_at, "trouble": trouble, "delivered_at": delivered_at}
        with translated():
            async with self._sessions.begin() as session:
                await session.execute(noted.values(**values))
