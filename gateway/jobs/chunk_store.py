"""Chunks as workers take them, and the one record of each chunk's answers.

A lease says only who need not begin: two workers may compute the same chunk, when one was thought
dead. What is recorded is the first row of answers, and there can be no second.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Select, case, func, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from gateway.control_plane.transactions import translated
from gateway.jobs.job import Chunk, Claim, Job, JobState
from gateway.jobs.job_rows import (
    IS_AT_WORK,
    chunk_values,
    end_if_done,
    end_job,
    job_of,
    utc_now,
)
from gateway.jobs.job_tables import JobChunkRow, JobResultRow, JobRow

# Of two workers that want the same chunk one gets it; the other looks again.
_MOST_LOOKS: Final = 5


class JobEnded(Exception):
    """The job was cancelled or given up meanwhile: nothing of the chunk is recorded."""


@dataclass(frozen=True)
class ChunkAnswers:
    """What is recorded of one chunk."""

    lines: bytes
    """As JobResultRow has them."""
    items: int
    refused: int


class ChunkStore:
    """Gives chunks to workers and takes their answers.

    Args:
        engine: The control plane's database.
        holder: Names this worker.
        lease: For how long a chunk is its own.
        clock: The time in UTC; of workers on several machines it should be the same within
            seconds, or chunks are computed twice.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        holder: str,
        lease: timedelta,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self._holder = holder
        self._lease = lease
        self._clock = clock

    async def claim(self) -> Claim | None:
        """Take the next chunk: of the job whose turn was longest ago, the first that is free.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        with translated():
            for _ in range(_MOST_LOOKS):
                now = self._clock()
                async with self._sessions() as session:
                    found = (await session.execute(_next_free(now))).first()
                if found is None:
                    return None
                async with self._sessions.begin() as session:
                    claim = await self._take(session, found.job_id, found.number, now)
                if claim:
                    return claim
        return None

    async def _take(
        self, session: AsyncSession, job_id: str, number: int, now: datetime
    ) -> Claim | None:
        taken = update(JobChunkRow).where(
            JobChunkRow.job_id == job_id, JobChunkRow.number == number, *_is_free(now)
        )
        taken = taken.values(
            holder=self._holder, free_at=now + self._lease, attempts=JobChunkRow.attempts + 1
        )
        row = (await session.execute(taken.returning(*_CHUNK, JobChunkRow.attempts))).first()
        if row is None:
            return None
        is_queued = JobRow.state == JobState.QUEUED.value
        served = (
            update(JobRow)
            .where(JobRow.id == job_id)
            .values(
                served_at=now,
                started_at=func.coalesce(JobRow.started_at, now),
                state=case((is_queued, JobState.RUNNING.value), else_=JobRow.state),
            )
        )
        await session.execute(served)
        job = job_of((await session.scalars(select(JobRow).where(JobRow.id == job_id))).one())
        return Claim(job, Chunk(*row[:4]), attempt=row.attempts)

    async def renew(self, chunks: Collection[Chunk]) -> None:
        """Keep what this worker has under way for one lease more.

        Args:
            chunks: Those, and no others: what it took and does not work on is to become free.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        renewed = (
            update(JobChunkRow)
            .where(*self._mine(chunks))
            .values(free_at=self._clock() + self._lease)
        )
        with translated():
            async with self._sessions.begin() as session:
                await session.execute(renewed)

    async def give_back(self, chunk: Chunk, pause: timedelta = timedelta()) -> None:
        """Let somebody take it again, after a pause; it does not count as an attempt.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        freed = update(JobChunkRow).where(
            JobChunkRow.job_id == chunk.job_id,
            JobChunkRow.number == chunk.number,
            JobChunkRow.holder == self._holder,
            JobChunkRow.done_at.is_(None),
        )
        now = self._clock()
        freed = freed.values(holder="", free_at=now + pause, attempts=_ONE_LESS)
        # Its job waits as long for its next turn, and lets the others go on.
        waits = update(JobRow).where(JobRow.id == chunk.job_id).values(served_at=now + pause)
        with translated():
            async with self._sessions.begin() as session:
                await session.execute(freed)
                if pause:
                    await session.execute(waits)

    async def excuse(self, chunks: Collection[Chunk]) -> None:
        """Let what is under way not count as an attempt, should this worker be killed in its end.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        if not chunks:
            return
        excused = update(JobChunkRow).where(*self._mine(chunks))
        with translated():
            async with self._sessions.begin() as session:
                await session.execute(excused.values(attempts=_ONE_LESS))

    def _mine(self, chunks: Collection[Chunk]) -> tuple[ColumnElement[bool], ...]:
        these = [(chunk.job_id, chunk.number) for chunk in chunks]
        return (
            tuple_(JobChunkRow.job_id, JobChunkRow.number).in_(these),
            JobChunkRow.holder == self._holder,
            JobChunkRow.done_at.is_(None),
        )

    async def record(self, chunk: Chunk, answers: ChunkAnswers) -> bool:
        """Record the answers of a chunk, unless it has some; it may be the job's end.

        Returns:
            Whether these are the chunk's answers now; False: it had its own.

        Raises:
            JobEnded: nobody wants them any more.
            DatabaseUnavailable: the database does not answer.
        """
        with translated():
            try:
                async with self._sessions.begin() as session:
                    await self._record(session, chunk, answers)
            except IntegrityError:
                return False
        return True

    async def _record(self, session: AsyncSession, chunk: Chunk, answers: ChunkAnswers) -> None:
        now = self._clock()
        await session.execute(
            insert(JobResultRow).values(
                job_id=chunk.job_id, number=chunk.number, lines=answers.lines
            )
        )
        this = (JobChunkRow.job_id == chunk.job_id, JobChunkRow.number == chunk.number)
        await session.execute(update(JobChunkRow).where(*this).values(holder="", done_at=now))
        counted = update(JobRow).where(JobRow.id == chunk.job_id, IS_AT_WORK)
        counted = counted.values(
            done=JobRow.done + answers.items,
            refused=JobRow.refused + answers.refused,
            result_bytes=JobRow.result_bytes + len(answers.lines),
            changed_at=now,
        )
        if await session.scalar(counted.returning(JobRow.id)) is None:
            raise JobEnded(chunk.job_id)
        await end_if_done(session, chunk.job_id, now)

    async def fail(self, job_id: str, sentence: str) -> None:
        """Give a job up.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        with translated():
            async with self._sessions.begin() as session:
                await end_job(session, job_id, JobState.FAILED, sentence, self._clock())

    async def to_be_listed(self) -> Sequence[Job]:
        """Jobs whose source nobody has looked through, the oldest first.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        wanted = select(JobRow).where(JobRow.state == JobState.LISTING.value)
        with translated():
            async with self._sessions() as session:
                rows = await session.scalars(wanted.order_by(JobRow.created_at))
                return [job_of(row) for row in rows]

    async def listed(self, job_id: str, chunks: Sequence[Chunk], size_bytes: int) -> bool:
        """Note what a source holds, all at once.

        Args:
            job_id: Of a job in LISTING.
            chunks: Their items are references in the storage.
            size_bytes: Of those.

        Returns:
            Whether it was still wanted, and nobody was quicker.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        now = self._clock()
        wanted = update(JobRow).where(JobRow.id == job_id, JobRow.state == JobState.LISTING.value)
        values = {
            "state": JobState.QUEUED.value,
            "items": sum(chunk.items for chunk in chunks),
            "is_whole": True,
            "payload_bytes": size_bytes,
            "changed_at": now,
        }
        with translated():
            async with self._sessions.begin() as session:
                if await session.scalar(wanted.values(**values).returning(JobRow.id)) is None:
                    return False
                if chunks:
                    rows = [chunk_values(chunk, now) for chunk in chunks]
                    await session.execute(insert(JobChunkRow), rows)
                await end_if_done(session, job_id, now)
        return True


_ONE_LESS: Final = case((JobChunkRow.attempts > 0, JobChunkRow.attempts - 1), else_=0)
_CHUNK: Final = (JobChunkRow.job_id, JobChunkRow.number, JobChunkRow.first, JobChunkRow.items)


def _is_free(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (JobChunkRow.done_at.is_(None), JobChunkRow.free_at <= now)


def _next_free(now: datetime) -> Select[str, int]:
    free = select(JobChunkRow.job_id, JobChunkRow.number).join(
        JobRow, JobRow.id == JobChunkRow.job_id
    )
    in_turn = (JobRow.served_at, JobRow.id, JobChunkRow.number)
    return free.where(IS_AT_WORK, *_is_free(now)).order_by(*in_turn).limit(1)
