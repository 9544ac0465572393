"""Answers are read chunk by chunk, each once, whatever order they are recorded in."""

from __future__ import annotations

import pytest
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.jobs.answer_reader import AnswerReader, ReadChunks
from gateway.jobs.job_errors import UnknownJob
from gateway.jobs.job_store import JobStore
from gateway.jobs.job_tables import JobResultRow
from tests.unit.gateway.jobs.some_answers import record
from tests.unit.gateway.jobs.some_jobs import begun


@pytest.fixture
def reader(engine: AsyncEngine) -> AnswerReader:
    """Of the database of this test."""
    return AnswerReader(engine)


async def test_what_is_recorded_is_read_in_the_order_of_the_items(
    jobs: JobStore, engine: AsyncEngine, reader: AnswerReader
) -> None:
    job = await begun(jobs, *[2] * 11)
    other = await begun(jobs, 1)
    await record(engine, other, 0)
    lines = {number: await record(engine, job, number) for number in (9, 3, 0, 7, 1, 2, 5, 4, 10)}

    found = [it async for it in reader.unread(job.id, ReadChunks())]

    assert found == [lines[number] for number in sorted(lines)]


async def test_whoever_reads_again_gets_only_what_is_new_also_before_what_was_read(
    jobs: JobStore, engine: AsyncEngine, reader: AnswerReader
) -> None:
    job, read = await begun(jobs, 1, 1, 1, 1), ReadChunks()
    first = [await record(engine, job, 0), await record(engine, job, 2)]
    assert [it async for it in reader.unread(job.id, read)] == first
    second = [await record(engine, job, 1), await record(engine, job, 3)]

    assert [it async for it in reader.unread(job.id, read)] == second
    assert [it async for it in reader.unread(job.id, read)] == []
    assert read.all_below == 4


async def test_a_reader_that_stops_has_read_what_it_took(
    jobs: JobStore, engine: AsyncEngine, reader: AnswerReader
) -> None:
    job, read = await begun(jobs, 1, 1), ReadChunks()
    await record(engine, job, 0)
    last = await record(engine, job, 1)
    pieces = reader.unread(job.id, read)
    await anext(pieces)
    await anext(pieces)
    assert read.all_below == 1

    assert [it async for it in reader.unread(job.id, read)] == [last]


async def test_answers_that_were_cleared_away_meanwhile_are_missed(
    jobs: JobStore, engine: AsyncEngine, reader: AnswerReader
) -> None:
    job = await begun(jobs, *[1] * 6)
    for number in range(5):
        await record(engine, job, number)
    pieces = reader.unread(job.id, ReadChunks())
    await anext(pieces)
    async with engine.begin() as connection:
        await connection.execute(delete(JobResultRow))

    with pytest.raises(UnknownJob):
        assert [it async for it in pieces] == []


async def test_jobs_are_looked_up_many_at_a_time(jobs: JobStore, reader: AnswerReader) -> None:
    first, second, _ = [await begun(jobs, 1) for _ in range(3)]

    found = await reader.jobs({first.id, second.id, "0" * 16})

    assert {job.id: job for job in found} == {first.id: first, second.id: second}


def test_what_is_read_is_remembered_as_one_number_and_the_exceptions() -> None:
    read = ReadChunks()
    for number in (0, 1, 5, 3):
        read.add(number)

    assert [number in read for number in range(7)] == [True, True, False, True, False, True, False]
    assert read.all_below == 2
