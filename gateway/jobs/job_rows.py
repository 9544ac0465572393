"""Between a job and its row, and how a job ends."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import ColumnElement, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.control_plane.key_rows import utc
from gateway.jobs.job import ALIVE, AT_WORK, Chunk, Job, JobState, JobTerms
from gateway.jobs.job_tables import JobNoticeRow, JobRow
from python_backends.shared.contract import Task

IS_ALIVE: Final = JobRow.state.in_([state.value for state in ALIVE])
IS_AT_WORK: Final = JobRow.state.in_([state.value for state in AT_WORK])


def utc_now() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)


def job_of(row: JobRow) -> Job:
    """Read a row."""
    created_at = utc(row.created_at)
    assert created_at is not None  # noqa: S101 - the column is NOT NULL
    return Job(
        id=row.id,
        key_id=row.key_id,
        tenant=row.tenant,
        name=row.name,
        task=Task(row.task),
        terms=JobTerms.from_json(row.terms),
        state=JobState(row.state),
        sentence=row.sentence,
        items=row.items,
        is_whole=row.is_whole,
        done=row.done,
        refused=row.refused,
        payload_bytes=row.payload_bytes,
        created_at=created_at,
        started_at=utc(row.started_at),
        ended_at=utc(row.ended_at),
    )


async def end_job(
    session: AsyncSession,
    job_id: str,
    state: JobState,
    sentence: str,
    now: datetime,
    *where: ColumnElement[bool],
) -> bool:
    """End a job that has not ended, and note who is to be told.

    Args:
        session: Of the transaction.
        job_id: Which.
        state: One of ENDED.
        sentence: Why.
        now: In UTC.
        where: What must be so besides.

    Returns:
        Whether this was its end.
    """
    ended = update(JobRow).where(JobRow.id == job_id, IS_ALIVE, *where)
    values = {"state": state.value, "sentence": sentence, "ended_at": now, "changed_at": now}
    terms = await session.scalar(ended.values(**values).returning(JobRow.terms))
    if terms is None:
        return False
    url = JobTerms.from_json(terms).webhook
    if url:
        notice = JobNoticeRow(
            job_id=job_id, url=url, attempts=0, next_at=now, delivered_at=None, trouble=""
        )
        session.add(notice)
    return True


async def end_if_done(session: AsyncSession, job_id: str, now: datetime) -> bool:
    """End a job of which every item is here and answered.

    Returns:
        Whether this was its end.
    """
    is_done = (JobRow.is_whole.is_(True), JobRow.done == JobRow.items)
    return await end_job(session, job_id, JobState.SUCCEEDED, "", now, *is_done)


def chunk_values(chunk: Chunk, now: datetime) -> dict[str, object]:
    """The row of a chunk that anybody may take."""
    return {
        "job_id": chunk.job_id,
        "number": chunk.number,
        "first": chunk.first,
        "items": chunk.items,
        "holder": "",
        "free_at": now,
        "attempts": 0,
        "done_at": None,
    }
