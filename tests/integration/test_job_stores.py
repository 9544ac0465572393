"""The stores of jobs against both databases, for real, with several workers at once."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.control_plane.database import open_database
from gateway.errors import DatabaseUnavailable
from gateway.jobs.chunk_store import ChunkAnswers, ChunkStore, JobEnded
from gateway.jobs.job import Chunk, JobState, JobTerms
from gateway.jobs.job_errors import UnknownJob
from gateway.jobs.job_store import JobStore
from gateway.jobs.job_tables import JobNoticeRow, JobResultRow
from gateway.jobs.payload_shelf import PayloadShelf
from gateway.jobs.runner.retention import Retention
from tests.real_postgres import RealPostgres
from tests.unit.gateway.jobs.some_jobs import begun, wanted

LEASE: Final = timedelta(seconds=15)
ANSWERS: Final = ChunkAnswers(b"lines", 2, 1)
WORKERS: Final = 4
# Takes and records until nothing is left, and writes a line for each chunk that it recorded.
WORKER: Final = """
import asyncio, sys
from datetime import timedelta
from gateway.control_plane.database import open_database
from gateway.jobs.chunk_store import ChunkAnswers, ChunkStore

async def work(url, name):
    engine = await open_database(url)
    store = ChunkStore(engine, name, timedelta(seconds=15))
    while claim := await store.claim():
        if await store.record(claim.chunk, ChunkAnswers(name.encode(), claim.chunk.items, 0)):
            print(claim.chunk.job_id, claim.chunk.number, claim.attempt)
    await engine.dispose()

asyncio.run(work(*sys.argv[1:]))
"""


@pytest.fixture
async def engines(database: str) -> AsyncIterator[list[AsyncEngine]]:
    opened = [await open_database(database) for _ in range(WORKERS)]
    yield opened
    for engine in opened:
        await engine.dispose()


def stores(engines: list[AsyncEngine]) -> list[ChunkStore]:
    return [ChunkStore(it, f"w{number}", LEASE) for number, it in enumerate(engines)]


async def worked(database: str, name: str) -> str:
    """What a worker in a process of its own has recorded."""
    command = (sys.executable, "-c", WORKER, database, name)
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def test_workers_in_several_processes_record_each_chunk_once(
    database: str, engine: AsyncEngine
) -> None:
    jobs = JobStore(engine)
    made = [await begun(jobs, *[2] * 30) for _ in range(3)]
    told = await asyncio.gather(*(worked(database, f"w{number}") for number in range(3)))

    recorded = Counter(line for out in told for line in out.splitlines())
    assert recorded == Counter(f"{job.id} {n} 1" for job in made for n in range(30))
    for job in made:
        ended = await jobs.get(job.id)
        assert (ended.state, ended.done) == (JobState.SUCCEEDED, 60)


async def test_what_all_have_computed_is_recorded_by_one(engines: list[AsyncEngine]) -> None:
    jobs = JobStore(engines[0])
    job = await begun(jobs, *[2] * 20, terms=JobTerms(webhook="https://example.com"))
    for number in range(20):
        chunk = Chunk(job.id, number, 2 * number, 2)
        outcomes = await asyncio.gather(*(it.record(chunk, ANSWERS) for it in stores(engines)))
        assert sorted(outcomes) == [False, False, False, True]

    ended = await jobs.get(job.id)
    assert (ended.state, ended.done, ended.refused) == (JobState.SUCCEEDED, 40, 20)
    async with engines[0].connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(JobNoticeRow)) == 1


async def test_the_last_answers_and_the_last_items_end_a_job_in_any_order(
    engines: list[AsyncEngine],
) -> None:
    jobs, (store, *_) = JobStore(engines[1]), stores(engines)
    for _ in range(20):
        job = await jobs.begin(wanted())
        chunk = Chunk(job.id, 0, 0, 2)
        assert await jobs.add_chunk(chunk, 10)
        await asyncio.gather(store.record(chunk, ANSWERS), jobs.close(job.id))
        assert (await jobs.get(job.id)).state is JobState.SUCCEEDED


async def test_a_job_that_is_cancelled_while_it_ends_has_one_end(
    engines: list[AsyncEngine],
) -> None:
    jobs, (store, *_) = JobStore(engines[1]), stores(engines)
    for _ in range(20):
        job = await begun(jobs, 2)
        was_recorded, was_cancelled = await asyncio.gather(
            store.record(Chunk(job.id, 0, 0, 2), ANSWERS),
            jobs.cancel(job.id, "its owner asked for it"),
            return_exceptions=True,
        )
        ended = await jobs.get(job.id)
        if was_cancelled:
            assert (ended.state, ended.done) == (JobState.CANCELLED, 0)
            assert isinstance(was_recorded, JobEnded)
        else:
            assert (ended.state, ended.done, was_recorded) == (JobState.SUCCEEDED, 2, True)


async def test_jobs_that_are_cleared_away_while_somebody_records_leave_nothing(
    engines: list[AsyncEngine], tmp_path: Path
) -> None:
    jobs, (store, *_) = JobStore(engines[1]), stores(engines)
    shelf = PayloadShelf((tmp_path / "jobs").as_uri())
    retention = Retention(engines[2], shelf, kept=timedelta(), kept_bytes=0)
    for _ in range(20):
        job = await begun(jobs, 2, 2)
        await store.record(Chunk(job.id, 0, 0, 2), ANSWERS)
        await jobs.cancel(job.id, "its owner asked for it")
        outcomes = await asyncio.gather(
            *(store.record(Chunk(job.id, 1, 2, 2), ANSWERS) for _ in range(3)),
            retention.look(),
            return_exceptions=True,
        )
        for outcome in outcomes:
            assert outcome in (None, False) or isinstance(outcome, JobEnded | DatabaseUnavailable)
        await retention.look()
        with pytest.raises(UnknownJob):
            await jobs.get(job.id)
    async with engines[0].connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(JobResultRow)) == 0


async def bring(jobs: JobStore, *, is_cancelled: bool) -> str:
    """Submit a job of eight chunks, and perhaps think better of it."""
    job = await jobs.begin(wanted(JobTerms(webhook="https://example.com")))
    for part in range(8):
        await jobs.add_chunk(Chunk(job.id, part, 2 * part, 2), 10)
        await jobs.touch(job.id)
    if is_cancelled:
        await jobs.cancel(job.id, "its owner asked for it")
    await jobs.close(job.id)
    return job.id


async def work(store: ChunkStore, all_are_here: asyncio.Event) -> None:
    """Answer chunks, each at its second try, until there are none."""
    given_back: set[Chunk] = set()
    while (claim := await store.claim()) or not all_are_here.is_set():
        if claim is None:
            await asyncio.sleep(0.01)
        elif claim.chunk in given_back:
            await store.renew([claim.chunk])
            with contextlib.suppress(JobEnded):
                await store.record(claim.chunk, ANSWERS)
        else:
            given_back.add(claim.chunk)
            await store.give_back(claim.chunk)


async def test_all_that_workers_and_gateways_do_at_once_comes_to_an_end(
    engines: list[AsyncEngine],
) -> None:
    """On PostgreSQL two that wait for each other would be told so; nobody is here."""
    jobs, all_are_here = JobStore(engines[0]), asyncio.Event()
    wishes = [number % 4 == 3 for number in range(8)]
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for store in stores(engines)[1:]:
            group.create_task(work(store, all_are_here))
        ids = await asyncio.gather(*(bring(jobs, is_cancelled=it) for it in wishes))
        all_are_here.set()
    for job_id, is_cancelled in zip(ids, wishes, strict=True):
        ended = await jobs.get(job_id)
        assert ended.state is (JobState.CANCELLED if is_cancelled else JobState.SUCCEEDED)


async def test_leases_and_moments_are_the_same_wherever_the_server_lives(
    postgres: RealPostgres,
) -> None:
    url = postgres.new_database()
    engine = await open_database(url)
    name = url.rpartition("/")[2]
    async with engine.begin() as connection:
        await connection.execute(text(f"ALTER DATABASE {name} SET timezone TO 'Pacific/Auckland'"))
    await engine.dispose()
    engine = await open_database(url)
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    jobs = JobStore(engine, lambda: now)
    one, two = (ChunkStore(engine, it, LEASE, lambda: now) for it in ("one", "two"))
    job = await begun(jobs, 2)
    assert job.created_at == now
    assert await one.claim()
    now += timedelta(seconds=14)
    assert await two.claim() is None
    now += timedelta(seconds=2)
    claim = await two.claim()
    assert claim
    assert (claim.attempt, claim.job.created_at.utcoffset()) == (2, timedelta())
    await engine.dispose()
