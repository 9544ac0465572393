"""Every chunk is answered once, whatever happens on the way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.control_plane.database_writes import DatabaseWrites
from gateway.errors import InferenceUnavailable, UnknownAlias
from gateway.jobs.chunk_store import ChunkAnswers, ChunkStore
from gateway.jobs.job import Claim, Job, JobState
from gateway.jobs.job_store import JobStore
from gateway.jobs.runner.chunk_work import ItemsMissing, JobLost, ReleaseFails, Stopped
from gateway.jobs.runner.job_runner import LEASE, JobRunner, Patience
from tests.unit.gateway.jobs.conftest import MovedClock
from tests.unit.gateway.jobs.some_jobs import begun, key

PATIENCE_SECONDS: Final = 10.0


class Work:
    """Answers chunks as a test says; at first all of them."""

    def __init__(self) -> None:
        self.is_stopping = False
        self.done: list[tuple[str, int]] = []
        self.before: Callable[[Claim], Awaitable[None]] = self._nothing

    async def _nothing(self, claim: Claim) -> None:
        pass

    async def answers(self, claim: Claim) -> ChunkAnswers:
        """Refuses none."""
        await self.before(claim)
        self.done.append((claim.job.id, claim.chunk.number))
        return ChunkAnswers(b"lines", claim.chunk.items, 0)


class Rig:
    """A runner, and all it depends on."""

    def __init__(self, engine: AsyncEngine, jobs: JobStore, clock: MovedClock) -> None:
        self.work, self.jobs, self.clock = Work(), jobs, clock
        self.chunks = ChunkStore(engine, "one", LEASE, clock)
        patience = Patience(renew=0.02, database=0.02, missing=0.2, idle=0.05)
        writes = DatabaseWrites(engine.url)
        self.runner = JobRunner(self.chunks, self.work, writes, patience)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run it meanwhile."""
        stop = asyncio.Event()
        task = asyncio.create_task(self.runner.run(stop))
        try:
            yield
        finally:
            stop.set()
            await task

    async def ended(self, job: Job, *, moving: bool = False) -> Job:
        """The job at its end; the clock may go on meanwhile."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (now := await self.jobs.get(job.id)).ended_at is None:
                await asyncio.sleep(0.01)
                self.clock.move(1.0 if moving else 0.0)
        return now


@pytest.fixture
def rig(engine: AsyncEngine, jobs: JobStore, clock: MovedClock) -> Rig:
    return Rig(engine, jobs, clock)


async def test_jobs_run_to_their_end(rig: Rig, jobs: JobStore) -> None:
    async with rig.running():
        one = await begun(jobs, 2, 2, 1)
        two = await begun(jobs, 3, owner=key("0b0b"))
        assert (await rig.ended(one)).done == 5
        assert (await rig.ended(two)).state is JobState.SUCCEEDED

    assert sorted(rig.work.done) == sorted([(one.id, 0), (one.id, 1), (one.id, 2), (two.id, 0)])


async def test_what_nobody_answers_now_is_tried_again(rig: Rig, jobs: JobStore) -> None:
    tries = 0

    async def away(_claim: Claim) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise InferenceUnavailable("nobody is there")

    rig.work.before = away
    async with rig.running():
        ended = await rig.ended(await begun(jobs, 2), moving=True)

    assert (ended.state, tries) == (JobState.SUCCEEDED, 3)


async def test_a_job_that_cannot_be_answered_fails_with_the_reason(
    rig: Rig, jobs: JobStore
) -> None:
    async def lost(_claim: Claim) -> None:
        raise JobLost("its items are damaged")

    rig.work.before = lost
    async with rig.running():
        ended = await rig.ended(await begun(jobs, 2, 2))

    assert (ended.state, ended.sentence) == (JobState.FAILED, "its items are damaged")


@pytest.mark.parametrize(
    "trouble",
    [UnknownAlias("there is none"), ItemsMissing("gone"), ReleaseFails("it answers nothing")],
)
async def test_what_is_missing_for_long_fails_the_job(
    rig: Rig, jobs: JobStore, trouble: Exception
) -> None:
    tries = 0

    async def missing(_claim: Claim) -> None:
        nonlocal tries
        tries += 1
        raise trouble

    rig.work.before = missing
    async with rig.running():
        ended = await rig.ended(await begun(jobs, 2), moving=True)

    assert (ended.state, ended.sentence) == (JobState.FAILED, str(trouble))
    assert tries > 1


async def test_a_chunk_that_ends_all_who_touch_it_fails_the_job(rig: Rig, jobs: JobStore) -> None:
    job = await begun(jobs, 2)
    for _ in range(5):  # workers that were killed
        assert await rig.chunks.claim()
        rig.clock.move(20)

    async with rig.running():
        ended = await rig.ended(job)

    assert ended.state is JobState.FAILED
    assert "has ended every worker" in ended.sentence
    assert rig.work.done == []


async def test_an_error_that_nobody_foresaw_ends_neither_runner_nor_job(
    rig: Rig, jobs: JobStore
) -> None:
    tries = 0

    async def surprise(_claim: Claim) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            rig.clock.move(20)  # its lease is over
            raise RuntimeError("who would have thought")

    rig.work.before = surprise
    async with rig.running():
        ended = await rig.ended(await begun(jobs, 2))

    assert ended.state is JobState.SUCCEEDED


async def test_who_stops_gives_back_what_is_not_done(
    rig: Rig, jobs: JobStore, engine: AsyncEngine
) -> None:
    begun_with = asyncio.Event()

    async def stopped(_claim: Claim) -> None:
        begun_with.set()
        while not rig.work.is_stopping:  # noqa: ASYNC110 - it is a flag, as ChunkWork has it
            await asyncio.sleep(0.01)
        raise Stopped

    rig.work.before = stopped
    async with rig.running():
        await begun(jobs, 2)
        await begun_with.wait()

    other = ChunkStore(engine, "two", LEASE, rig.clock)
    claim = await other.claim()
    assert claim
    assert claim.attempt == 1


async def test_answers_of_a_job_that_was_cancelled_meanwhile_are_dropped(
    rig: Rig, jobs: JobStore
) -> None:
    async def cancel(claim: Claim) -> None:
        await jobs.cancel(claim.job.id, "its owner asked for it")

    rig.work.before = cancel
    async with rig.running():
        ended = await rig.ended(await begun(jobs, 2))
        await asyncio.sleep(0.05)

    assert (ended.state, ended.done) == (JobState.CANCELLED, 0)


async def test_leases_are_renewed_while_a_chunk_takes_long(
    rig: Rig, jobs: JobStore, engine: AsyncEngine
) -> None:
    other = ChunkStore(engine, "two", LEASE, rig.clock)
    taken: list[Claim] = []

    async def slow(_claim: Claim) -> None:
        for _ in range(4):
            rig.clock.move(5)
            await asyncio.sleep(0.1)
            stolen = await other.claim()
            if stolen:
                taken.append(stolen)

    rig.work.before = slow
    async with rig.running():
        ended = await rig.ended(await begun(jobs, 2))

    assert ended.state is JobState.SUCCEEDED
    assert taken == []


async def test_answers_are_recorded_when_the_database_is_back(
    rig: Rig, jobs: JobStore, engine: AsyncEngine
) -> None:

    async def gone(_claim: Claim) -> None:
        async with engine.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE job_results RENAME TO elsewhere")

    rig.work.before = gone
    async with rig.running():
        job = await begun(jobs, 2)
        while not rig.work.done:  # noqa: ASYNC110 - short, and the test ends it
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert (await jobs.get(job.id)).done == 0
        async with engine.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO job_results")
        ended = await rig.ended(job)

    assert ended.state is JobState.SUCCEEDED
    assert len(rig.work.done) == 1


async def test_a_database_that_is_away_ends_nothing(
    rig: Rig, jobs: JobStore, engine: AsyncEngine
) -> None:
    async with rig.running():
        async with engine.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE job_chunks RENAME TO elsewhere")
        await asyncio.sleep(0.5)
        async with engine.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO job_chunks")
        ended = await rig.ended(await begun(jobs, 2))

    assert ended.state is JobState.SUCCEEDED
