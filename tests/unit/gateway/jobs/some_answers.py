"""Answers as a worker records them."""

from __future__ import annotations

import json
import zlib
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.jobs.chunk_store import ChunkAnswers, ChunkStore
from gateway.jobs.job import Chunk, Job
from gateway.jobs.job_rows import utc_now
from gateway.jobs.job_tables import JobChunkRow


def line(index: int, **changed: Any) -> dict[str, Any]:
    """The answer to one item."""
    ranked = [{"label": "7", "score": 0.75}, {"label": "1", "score": 0.25}]
    return {
        "index": index,
        "name": f"{index}.png",
        "release": "digits_r1",
        "predictions": ranked,
        **changed,
    }


def refused(index: int) -> dict[str, Any]:
    """The answer to an item that nobody could read."""
    error = {"code": "undecodable_image", "message": "it is no image"}
    return {"index": index, "name": f"{index}.txt", "release": "digits_r1", "error": error}


def as_lines(*answers: dict[str, Any]) -> bytes:
    """As they are before they are compressed."""
    return b"".join(json.dumps(it, separators=(",", ":")).encode() + b"\n" for it in answers)


async def record(engine: AsyncEngine, job: Job, number: int, *answers: dict[str, Any]) -> bytes:
    """Record answers of a chunk, or the usual ones, and give the lines."""
    async with engine.connect() as connection:
        columns = (JobChunkRow.job_id, JobChunkRow.number, JobChunkRow.first, JobChunkRow.items)
        this = (JobChunkRow.job_id == job.id, JobChunkRow.number == number)
        chunk = Chunk(*(await connection.execute(select(*columns).where(*this))).one())
    indices = range(chunk.first, chunk.first + chunk.items)
    lines = as_lines(*(answers or [line(index) for index in indices]))
    store = ChunkStore(engine, "w1", timedelta(seconds=15), utc_now)
    told = ChunkAnswers(zlib.compress(lines), chunk.items, lines.count(b'"error"'))
    assert await store.record(chunk, told)
    return lines
