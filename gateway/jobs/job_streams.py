"""What is sent of a job piece by piece: its answers, and how it stands. No HTTP here."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from typing import Final

from gateway.errors import DatabaseUnavailable
from gateway.jobs.answer_reader import AnswerReader, ReadChunks
from gateway.jobs.answers_csv import AnswerTable
from gateway.jobs.job import ENDED, Job
from gateway.jobs.job_errors import UnknownJob
from gateway.jobs.job_rows import utc_now
from gateway.jobs.job_schemas import described_job
from gateway.jobs.job_watch import Seat

logger = logging.getLogger(__name__)

# Proxies close what is silent for half a minute, or for a whole one.
HEARTBEAT_SECONDS: Final = 15.0
# How soon a stream notices that the gateway ends.
_TURN_SECONDS: Final = 0.5

Ends = Callable[[], bool]


class CutShort(Exception):
    """The stream ends before its end; its reader must not take what it got for the whole."""


class ResultFormat(StrEnum):
    """How answers are written."""

    JSONL = "jsonl"
    CSV = "csv"


async def recorded(reader: AnswerReader, job: Job, form: ResultFormat) -> AsyncIterator[bytes]:
    """What is answered by now, in the items' order.

    Raises:
        CutShort: the database does not answer any more, or the job was cleared away.
    """
    async for piece in _written(_noted(reader, job.id, ReadChunks()), job, form):
        yield piece


async def followed(
    reader: AnswerReader, seat: Seat, form: ResultFormat, ends: Ends
) -> AsyncIterator[bytes]:
    """What is answered by now, and then what is, as it is, until the job has ended.

    Raises:
        CutShort: the gateway or the job is gone before that, or the database does not answer.
    """
    async for piece in _written(_as_they_come(reader, seat, ends), seat.job, form):
        yield piece


async def _as_they_come(reader: AnswerReader, seat: Seat, ends: Ends) -> AsyncIterator[bytes]:
    read, job = ReadChunks(), seat.job
    while True:
        # A job that had ended before this look has all its answers.
        async for lines in _noted(reader, job.id, read):
            yield lines
        if job.state in ENDED:
            return
        job = await _news(seat, ends)


async def _news(seat: Seat, ends: Ends) -> Job:
    while not (ends() or seat.is_over):
        job = await seat.news(_TURN_SECONDS)
        if job:
            return job
    raise CutShort(seat.job.id)


async def _noted(reader: AnswerReader, job_id: str, read: ReadChunks) -> AsyncIterator[bytes]:
    try:
        async for lines in reader.unread(job_id, read):
            yield lines
    except (DatabaseUnavailable, UnknownJob) as exc:
        logger.warning("the answers of job %s are cut short: %s", job_id, exc)
        raise CutShort(job_id) from exc


async def _written(
    chunks: AsyncIterator[bytes], job: Job, form: ResultFormat
) -> AsyncIterator[bytes]:
    if form is ResultFormat.JSONL:
        async for lines in chunks:
            yield lines
        return
    table = AnswerTable(job.terms.top_k or 1)
    yield table.header()
    async for lines in chunks:
        # Some milliseconds of reckoning: in another thread, so that predictions have their turn.
        yield await asyncio.to_thread(table.rows, lines)


async def events(
    seat: Seat, ends: Ends, *, heartbeat_seconds: float = HEARTBEAT_SECONDS
) -> AsyncIterator[bytes]:
    """Server-sent events: how the job stands, now and at each change, and at last its end.

    Without that last one the stream was cut, and whoever wants the rest asks again.
    """
    now = asyncio.get_running_loop().time
    job, spoke_at = seat.job, now()
    yield _event(job)
    while job.state not in ENDED and not (ends() or seat.is_over):
        news = await seat.news(min(_TURN_SECONDS, heartbeat_seconds))
        if news:
            job, spoke_at = news, now()
            yield _event(job)
        elif now() - spoke_at >= heartbeat_seconds:
            spoke_at = now()
            yield b": still here\n\n"


def _event(job: Job) -> bytes:
    kind = "end" if job.state in ENDED else "progress"
    # In ASCII: many readers of lines take U+2028 and its like for the end of one.
    told = json.dumps(described_job(job, now=utc_now()).model_dump(mode="json"))
    return f"event: {kind}\ndata: {told}\n\n".encode()
