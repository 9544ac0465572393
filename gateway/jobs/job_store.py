"""The record of jobs as the gateway writes and reads it; what workers do is in chunk_store.py."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import case, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker

from gateway.control_plane.api_key import ApiKey
from gateway.control_plane.key_rows import utc
from gateway.control_plane.transactions import translated
from gateway.jobs.job import Chunk, Job, JobState, JobTerms
from gateway.jobs.job_errors import JobConflict, UnknownJob
from gateway.jobs.job_rows import IS_ALIVE, chunk_values, end_if_done, end_job, job_of, utc_now
from gateway.jobs.job_tables import JobChunkRow, JobRow
from python_backends.shared.contract import Task


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """What is asked, before the first item is here."""

    key: ApiKey
    name: str
    task: Task
    terms: JobTerms
    idempotency_key: str | None = None
    request_digest: str = ""


@dataclass(frozen=True)
class Holdings:
    """What one key has in jobs."""

    alive: int
    """Jobs that have not ended."""
    stored_bytes: int
    """Of items and answers of all its jobs."""


class Tally(NamedTuple):
    """The jobs of everybody that have not ended."""

    by_state: Mapping[JobState, int]
    items_waiting: int
    """That have come and have no answer."""
    moved_at: datetime | None
    """When the one of them with items waiting that stands still for longest last moved."""


class JobStore:
    """Begins, shows and ends jobs.

    Args:
        engine: The control plane's database.
        clock: The time in UTC.
    """

    def __init__(self, engine: AsyncEngine, clock: Callable[[], datetime] = utc_now) -> None:
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self._clock = clock

    async def begin(self, wanted: NewJob) -> Job:
        """Note a job whose items are to come, or to be listed.

        Raises:
            JobConflict: another one has its idempotency key.
            DatabaseUnavailable: the database does not answer.
        """
        now = self._clock()
        row = _row(wanted, secrets.token_hex(8), now)
        with translated():
            try:
                async with self._sessions.begin() as session:
                    session.add(row)
            except IntegrityError as exc:
                raise JobConflict(
                    "another request has just come under this Idempotency-Key"
                ) from exc
        return job_of(row)

    async def repeated(self, key: ApiKey, idempotency_key: str, request_digest: str) -> Job | None:
        """Find the job that the same request began before.

        Raises:
            JobConflict: the key was another request's, or its items still come in.
            DatabaseUnavailable: the database does not answer.
        """
        wanted = select(JobRow).where(
            JobRow.key_id == key.id, JobRow.idempotency_key == idempotency_key
        )
        with translated():
            async with self._sessions() as session:
                row = await session.scalar(wanted)
        if row is None:
            return None
        if row.request_digest != request_digest:
            raise JobConflict("this Idempotency-Key was another request's")
        if row.state == JobState.RECEIVING:
            raise JobConflict("the first request under this Idempotency-Key is still coming in")
        return job_of(row)

    async def add_chunk(self, chunk: Chunk, size_bytes: int) -> bool:
        """Note a chunk whose items are in the storage; workers may take it at once.

        Returns:
            Whether the job still wants items: it may have been cancelled.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        now = self._clock()
        more = update(JobRow).where(JobRow.id == chunk.job_id, JobRow.state == JobState.RECEIVING)
        more = more.values(
            items=JobRow.items + chunk.items,
            payload_bytes=JobRow.payload_bytes + size_bytes,
            changed_at=now,
        )
        with translated():
            async with self._sessions.begin() as session:
                if await session.scalar(more.returning(JobRow.id)) is None:
                    return False
                await session.execute(insert(JobChunkRow).values(chunk_values(chunk, now)))
        return True

    async def touch(self, job_id: str) -> None:
        """Say that its items still come in.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        touched = update(JobRow).where(JobRow.id == job_id).values(changed_at=self._clock())
        with translated():
            async with self._sessions.begin() as session:
                await session.execute(touched)

    async def close(self, job_id: str) -> Job:
        """Note that all items are here; it may be its end, if all are answered by now.

        Raises:
            UnknownJob: it is gone.
            DatabaseUnavailable: the database does not answer.
        """
        now = self._clock()
        whole = update(JobRow).where(JobRow.id == job_id, JobRow.state == JobState.RECEIVING)
        was_begun = JobRow.started_at.is_not(None)
        state = case((was_begun, JobState.RUNNING.value), else_=JobState.QUEUED.value)
        with translated():
            async with self._sessions.begin() as session:
                await session.execute(whole.values(is_whole=True, changed_at=now, state=state))
                await end_if_done(session, job_id, now)
        return await self.get(job_id)

    async def abandon(self, job_id: str, sentence: str) -> None:
        """Give up a job whose items did not all come; its idempotency key is free again.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        freed = update(JobRow).where(JobRow.id == job_id).values(idempotency_key=None)
        with translated():
            async with self._sessions.begin() as session:
                if await end_job(session, job_id, JobState.FAILED, sentence, self._clock()):
                    await session.execute(freed)

    async def withdraw(self, job_id: str) -> bool:
        """Forget a job of which nothing came; nobody was told of it.

        Returns:
            Whether it was such a one.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        empty = (JobRow.state == JobState.RECEIVING, JobRow.items == 0)
        gone = delete(JobRow).where(JobRow.id == job_id, *empty).returning(JobRow.id)
        with translated():
            async with self._sessions.begin() as session:
                return await session.scalar(gone) is not None

    async def get(self, job_id: str, tenant: str | None = None) -> Job:
        """Find one.

        Args:
            job_id: Its id, as somebody wrote it.
            tenant: Only if it is this one's; None: whoever's.

        Raises:
            UnknownJob: there is none.
            DatabaseUnavailable: the database does not answer.
        """
        wanted = select(JobRow).where(JobRow.id == job_id)
        if tenant is not None:
            wanted = wanted.where(JobRow.tenant == tenant)
        with translated():
            async with self._sessions() as session:
                row = await session.scalar(wanted)
        if row is None:
            raise UnknownJob(f"there is no job {job_id[:32]!r}")
        return job_of(row)

    async def latest(self, limit: int, *, tenant: str | None = None) -> Sequence[Job]:
        """The newest first.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        wanted = select(JobRow).order_by(JobRow.created_at.desc(), JobRow.id).limit(limit)
        if tenant is not None:
            wanted = wanted.where(JobRow.tenant == tenant)
        with translated():
            async with self._sessions() as session:
                return [job_of(row) for row in await session.scalars(wanted)]

    async def cancel(self, job_id: str, sentence: str) -> bool:
        """End a job that has not ended; what is answered by now stays.

        Returns:
            Whether this ended it.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        with translated():
            async with self._sessions.begin() as session:
                return await end_job(session, job_id, JobState.CANCELLED, sentence, self._clock())

    async def holdings(self, key_id: str) -> Holdings:
        """What a key has, for its quota.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        mine = JobRow.key_id == key_id
        alive = select(func.count()).where(mine, IS_ALIVE).scalar_subquery()
        stored = func.coalesce(func.sum(JobRow.payload_bytes + JobRow.result_bytes), 0)
        with translated():
            async with self._sessions() as session:
                row = (await session.execute(select(alive, stored).where(mine))).one()
        return Holdings(alive=int(row[0]), stored_bytes=int(row[1]))

    async def tally(self) -> Tally:
        """Count what is not done.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        waiting = JobRow.items - JobRow.done
        moved_at = func.min(case((waiting > 0, JobRow.changed_at)))
        counted = select(JobRow.state, func.count(), func.sum(waiting), moved_at)
        with translated():
            async with self._sessions() as session:
                rows = (await session.execute(counted.where(IS_ALIVE).group_by(JobRow.state))).all()
        moved = [it for it in (utc(row[3]) for row in rows) if it]
        return Tally(
            by_state={JobState(row[0]): row[1] for row in rows},
            items_waiting=sum(int(row[2]) for row in rows),
            moved_at=min(moved, default=None),
        )


def _row(wanted: NewJob, job_id: str, now: datetime) -> JobRow:
    is_listed = wanted.terms.source is not None
    return JobRow(
        id=job_id,
        key_id=wanted.key.id,
        tenant=wanted.key.tenant,
        idempotency_key=wanted.idempotency_key,
        request_digest=wanted.request_digest,
        name=wanted.name,
        task=wanted.task.value,
        terms=wanted.terms.to_json(),
        state=(JobState.LISTING if is_listed else JobState.RECEIVING).value,
        sentence="",
        items=0,
        is_whole=False,
        done=0,
        refused=0,
        payload_bytes=0,
        has_payload=True,
        result_bytes=0,
        created_at=now,
        started_at=None,
        ended_at=None,
        changed_at=now,
        served_at=now,
    )
