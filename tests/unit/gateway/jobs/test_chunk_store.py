"""Chunks are taken by one, recorded once, and lost by nobody."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.jobs.chunk_store import ChunkAnswers, ChunkStore, JobEnded
from gateway.jobs.job import Chunk, JobState, JobTerms, SourceFolder
from gateway.jobs.job_store import JobStore
from gateway.jobs.job_tables import JobNoticeRow, JobResultRow
from tests.unit.gateway.jobs.conftest import MovedClock
from tests.unit.gateway.jobs.some_jobs import begun, key, wanted

LEASE: Final = timedelta(seconds=15)


def worker(engine: AsyncEngine, clock: MovedClock, name: str = "one") -> ChunkStore:
    return ChunkStore(engine, name, LEASE, clock)


@pytest.fixture
def one(engine: AsyncEngine, clock: MovedClock) -> ChunkStore:
    return worker(engine, clock)


async def take(chunks: ChunkStore) -> Chunk:
    claim = await chunks.claim()
    assert claim
    return claim.chunk


def answers(items: int = 2, refused: int = 0) -> ChunkAnswers:
    return ChunkAnswers(b"lines", items, refused)


async def test_chunks_are_taken_in_their_order_and_the_job_ends_with_the_last(
    jobs: JobStore, one: ChunkStore
) -> None:
    job = await begun(jobs, 2, 2, 1)
    assert (job.state, job.items) == (JobState.QUEUED, 5)

    for number in range(3):
        claim = await one.claim()
        assert claim
        assert (claim.chunk.number, claim.chunk.first, claim.attempt) == (number, 2 * number, 1)
        assert claim.job.state is JobState.RUNNING
        assert await one.record(claim.chunk, answers(claim.chunk.items, refused=number % 2))

    ended = await jobs.get(job.id)
    assert (ended.state, ended.done, ended.refused) == (JobState.SUCCEEDED, 5, 1)
    assert ended.ended_at
    assert await one.claim() is None


async def test_what_one_worker_has_no_other_gets_until_its_lease_is_over(
    jobs: JobStore, engine: AsyncEngine, one: ChunkStore, clock: MovedClock
) -> None:
    await begun(jobs, 2)
    two = worker(engine, clock, "two")
    chunk = await take(one)
    assert await two.claim() is None

    clock.move(14)
    await one.renew([chunk])
    clock.move(14)
    assert await two.claim() is None

    clock.move(2)
    again = await two.claim()
    assert again
    assert (again.chunk, again.attempt) == (chunk, 2)


async def test_a_chunk_that_two_have_computed_is_recorded_once(
    jobs: JobStore, engine: AsyncEngine, one: ChunkStore, clock: MovedClock
) -> None:
    job = await begun(jobs, 2, 2)
    two = worker(engine, clock, "two")
    chunk = await take(one)
    clock.move(16)
    assert await take(two) == chunk

    assert await two.record(chunk, ChunkAnswers(b"two's", 2, 0))
    assert not await one.record(chunk, ChunkAnswers(b"one's", 2, 1))

    async with engine.connect() as connection:
        assert (await connection.scalars(select(JobResultRow.lines))).all() == [b"two's"]
    now = await jobs.get(job.id)
    assert (now.done, now.refused) == (2, 0)


async def test_of_many_workers_that_ask_at_once_each_gets_another_chunk(
    jobs: JobStore, engine: AsyncEngine, clock: MovedClock
) -> None:
    await begun(jobs, *[1] * 4)
    workers = [worker(engine, clock, f"w{number}") for number in range(6)]

    claims = await asyncio.gather(*(it.claim() for it in workers))

    taken = [claim.chunk.number for claim in claims if claim]
    assert sorted(taken) == sorted(set(taken))
    assert len(taken) >= 1


async def test_jobs_take_turns(jobs: JobStore, one: ChunkStore, clock: MovedClock) -> None:
    long = await begun(jobs, 1, 1, 1)
    clock.move(1)
    short = await begun(jobs, 1, owner=key("0b0b"))

    taken = []
    for _ in range(4):
        clock.move(0.1)
        taken.append((await take(one)).job_id)

    assert taken == [long.id, short.id, long.id, long.id]


async def test_answers_of_a_cancelled_job_are_not_recorded(
    jobs: JobStore, engine: AsyncEngine, one: ChunkStore
) -> None:
    job = await begun(jobs, 2, 2)
    chunk = await take(one)
    assert await jobs.cancel(job.id, "its owner asked for it")
    assert not await jobs.cancel(job.id, "twice")

    with pytest.raises(JobEnded):
        await one.record(chunk, answers())

    async with engine.connect() as connection:
        assert (await connection.scalars(select(JobResultRow.lines))).all() == []
    assert await one.claim() is None
    assert (await jobs.get(job.id)).state is JobState.CANCELLED


async def test_a_chunk_that_is_given_back_is_free_after_the_pause(
    jobs: JobStore, one: ChunkStore, clock: MovedClock
) -> None:
    await begun(jobs, 2)
    chunk = await take(one)

    await one.give_back(chunk, timedelta(seconds=3))

    assert await one.claim() is None
    clock.move(3)
    assert await take(one) == chunk


async def test_what_is_here_is_worked_on_while_more_comes(jobs: JobStore, one: ChunkStore) -> None:
    job = await jobs.begin(wanted())
    await jobs.add_chunk(Chunk(job.id, 0, 0, 2), 100)

    chunk = await take(one)
    await one.record(chunk, answers())
    assert (await jobs.get(job.id)).state is JobState.RECEIVING

    assert (await jobs.close(job.id)).state is JobState.SUCCEEDED


async def test_a_job_without_items_ends_when_it_is_whole(jobs: JobStore) -> None:
    assert (await begun(jobs)).state is JobState.SUCCEEDED


async def test_a_source_is_listed_once(jobs: JobStore, one: ChunkStore) -> None:
    job = await jobs.begin(wanted(JobTerms(source=SourceFolder("photos", "2026"))))
    assert [it.id for it in await one.to_be_listed()] == [job.id]
    assert await one.claim() is None

    chunks = [Chunk(job.id, 0, 0, 2), Chunk(job.id, 1, 2, 1)]
    assert await one.listed(job.id, chunks, 300)
    assert not await one.listed(job.id, chunks, 300)

    assert await one.to_be_listed() == []
    listed = await jobs.get(job.id)
    assert (listed.state, listed.items, listed.payload_bytes) == (JobState.QUEUED, 3, 300)
    assert await take(one) == chunks[0]


async def test_a_source_that_holds_nothing_is_a_job_that_is_done(
    jobs: JobStore, one: ChunkStore
) -> None:
    job = await jobs.begin(wanted(JobTerms(source=SourceFolder("photos"))))

    assert await one.listed(job.id, [], 0)

    assert (await jobs.get(job.id)).state is JobState.SUCCEEDED


@pytest.mark.parametrize("how", ["succeeded", "failed", "cancelled"])
async def test_whoever_wanted_to_know_is_told_of_every_end_once(
    jobs: JobStore, one: ChunkStore, engine: AsyncEngine, how: str
) -> None:
    job = await begun(jobs, 2, terms=JobTerms(webhook="https://hook.example/done"))
    if how == "succeeded":
        await one.record(await take(one), answers())
    elif how == "failed":
        await one.fail(job.id, "its alias is gone")
    await jobs.cancel(job.id, "its owner asked for it")

    async with engine.connect() as connection:
        notices = (await connection.execute(select(JobNoticeRow.__table__))).all()
    assert [(it.job_id, it.url, it.attempts) for it in notices] == [
        (job.id, "https://hook.example/done", 0)
    ]
    assert (await jobs.get(job.id)).state.value == how


async def test_a_job_in_trouble_lets_the_others_go_on(
    jobs: JobStore, one: ChunkStore, clock: MovedClock
) -> None:
    bad = await begun(jobs, 1, 1, 1)
    clock.move(1)
    good = await begun(jobs, 1, 1, owner=key("0b0b"))
    clock.move(1)
    chunk = await take(one)
    assert chunk.job_id == bad.id

    await one.give_back(chunk, timedelta(seconds=3))

    clock.move(1)
    assert [(await take(one)).job_id for _ in range(2)] == [good.id] * 2
    assert (await take(one)).job_id == bad.id


async def test_who_is_killed_in_the_end_of_its_worker_is_not_to_blame(
    jobs: JobStore, one: ChunkStore, clock: MovedClock
) -> None:
    await begun(jobs, 2)
    for _ in range(3):
        chunk = await take(one)
        await one.excuse([chunk])
        clock.move(20)
    await one.excuse([])

    claim = await one.claim()
    assert claim
    assert claim.attempt == 1
