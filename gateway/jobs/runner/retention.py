"""What is not needed any more goes: items at the end of their job, jobs after their time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker

from gateway.control_plane.transactions import translated
from gateway.jobs.job import JobState
from gateway.jobs.job_rows import IS_ALIVE, end_job, utc_now
from gateway.jobs.job_tables import JobChunkRow, JobNoticeRow, JobResultRow, JobRow
from gateway.jobs.payload_shelf import PayloadShelf

# A gateway raises changed_at every ten seconds while items come in.
_SILENT: Final = timedelta(seconds=45)
_AT_ONCE: Final = 500
# What a job takes besides its answers; one of no items must not be free.
_ROWS_BYTES: Final = 2048


class Retention:
    """Clears away.

    Args:
        engine: The control plane's database.
        shelf: Has the items.
        kept: How long a job stays after its end.
        kept_bytes: How much the answers of jobs that have ended may take.
        clock: The time in UTC.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        shelf: PayloadShelf,
        *,
        kept: timedelta,
        kept_bytes: int,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self._shelf = shelf
        self._kept = kept
        self._kept_bytes = kept_bytes
        self._clock = clock

    async def look(self) -> None:
        """Do what there is to do; to be called every few seconds, by one worker.

        Raises:
            DatabaseUnavailable: the database does not answer.
            StorageUnavailable: items could not be removed; they will be.
        """
        await self._give_up_the_silent()
        try:
            for job_id in await self._with_payload():
                await self._shelf.remove(job_id)
                await self._forget_payload(job_id)
        finally:  # a storage that is away keeps no answers here for ever
            await self._delete(await self._outdated())

    async def _give_up_the_silent(self) -> None:
        """End jobs whose gateway died while their items came in."""
        now = self._clock()
        silent = (JobRow.state == JobState.RECEIVING.value, JobRow.changed_at < now - _SILENT)
        with translated():
            async with self._sessions.begin() as session:
                for job_id in (await session.scalars(select(JobRow.id).where(*silent))).all():
                    sentence = "its items did not all come: the upload broke off"
                    await end_job(session, job_id, JobState.FAILED, sentence, now, *silent)
                    freed = update(JobRow).where(JobRow.id == job_id, ~IS_ALIVE)
                    await session.execute(freed.values(idempotency_key=None))

    async def _with_payload(self) -> Sequence[str]:
        ended = select(JobRow.id).where(~IS_ALIVE, JobRow.has_payload.is_(True)).limit(_AT_ONCE)
        with translated():
            async with self._sessions() as session:
                return (await session.scalars(ended)).all()

    async def _forget_payload(self, job_id: str) -> None:
        forgotten = update(JobRow).where(JobRow.id == job_id)
        with translated():
            async with self._sessions.begin() as session:
                await session.execute(forgotten.values(has_payload=False, payload_bytes=0))

    async def _outdated(self) -> Sequence[str]:
        """Jobs that have been here long enough, and those beyond what is kept, oldest first."""
        ended = select(JobRow.id, JobRow.ended_at, JobRow.result_bytes)
        ended = ended.where(~IS_ALIVE, JobRow.has_payload.is_(False))
        too_old = self._clock() - self._kept
        by_age = ended.where(JobRow.ended_at < too_old).limit(_AT_ONCE)
        with translated():
            async with self._sessions() as session:
                old = [row.id for row in await session.execute(by_age)]
                newest_first = await session.execute(ended.order_by(JobRow.ended_at.desc()))
                kept, beyond = 0, []
                for row in newest_first:
                    kept += row.result_bytes + _ROWS_BYTES
                    if kept > self._kept_bytes:
                        beyond.append(row.id)
        return [*old, *(it for it in beyond if it not in old)]

    async def _delete(self, job_ids: Sequence[str]) -> None:
        for job_id in job_ids:
            with translated():
                async with self._sessions.begin() as session:
                    for table in (JobNoticeRow, JobResultRow, JobChunkRow):
                        await session.execute(delete(table).where(table.job_id == job_id))
                    await session.execute(delete(JobRow).where(JobRow.id == job_id))
