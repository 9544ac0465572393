"""What is not needed any more goes, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.jobs.chunk_store import ChunkAnswers, ChunkStore
from gateway.jobs.job import Chunk, Job, JobState, JobTerms
from gateway.jobs.job_errors import StorageUnavailable, UnknownJob
from gateway.jobs.job_store import JobStore
from gateway.jobs.job_tables import JobChunkRow, JobNoticeRow, JobResultRow
from gateway.jobs.payload_shelf import PayloadShelf
from gateway.jobs.runner.job_runner import LEASE
from gateway.jobs.runner.retention import Retention
from tests.unit.gateway.jobs.conftest import MovedClock
from tests.unit.gateway.jobs.some_jobs import KEY, begun, wanted


class Rig:
    """Jobs, their items, and who clears away."""

    def __init__(
        self, folder: Path, engine: AsyncEngine, jobs: JobStore, clock: MovedClock
    ) -> None:
        self.jobs, self.clock, self.engine = jobs, clock, engine
        self.shelf = PayloadShelf((folder / "jobs").as_uri())
        self.chunks = ChunkStore(engine, "one", LEASE, clock)
        kept = timedelta(days=1)
        self.retention = Retention(
            engine, self.shelf, kept=kept, kept_bytes=2 * 2048 + 100, clock=clock
        )

    async def done(self, lines: bytes = b"lines", terms: JobTerms | None = None) -> Job:
        """A job that has its answers."""
        job = await begun(self.jobs, 1, terms=terms)
        await self.shelf.put(job.id, 0, b"items")
        claim = await self.chunks.claim()
        assert claim
        await self.chunks.record(claim.chunk, ChunkAnswers(lines, 1, 0))
        return job

    async def rows(self) -> list[int]:
        """How many of what belongs to jobs there are."""
        async with self.engine.connect() as connection:
            counts = [
                await connection.scalar(select(func.count()).select_from(table))
                for table in (JobChunkRow, JobResultRow, JobNoticeRow)
            ]
        return [count or 0 for count in counts]


@pytest.fixture
def rig(tmp_path: Path, engine: AsyncEngine, jobs: JobStore, clock: MovedClock) -> Rig:
    return Rig(tmp_path, engine, jobs, clock)


async def test_items_go_when_their_job_ends_and_answers_stay(rig: Rig) -> None:
    job = await rig.done()
    waiting = await begun(rig.jobs, 1)
    await rig.shelf.put(waiting.id, 0, b"items")

    await rig.retention.look()

    with pytest.raises(FileNotFoundError):
        await rig.shelf.get(job.id, 0)
    assert await rig.shelf.get(waiting.id, 0) == b"items"
    assert await rig.rows() == [2, 1, 0]
    assert (await rig.jobs.holdings(KEY.id)).stored_bytes == 100 + len(b"lines")


async def test_a_job_goes_after_its_time(rig: Rig) -> None:
    old = await rig.done(terms=JobTerms(webhook="https://hook.example"))
    rig.clock.move(86000)
    new = await rig.done()
    await rig.retention.look()
    assert (await rig.jobs.get(old.id)).done == 1

    rig.clock.move(500)
    await rig.retention.look()

    with pytest.raises(UnknownJob):
        await rig.jobs.get(old.id)
    assert (await rig.jobs.get(new.id)).done == 1
    assert await rig.rows() == [1, 1, 0]


async def test_of_more_than_is_kept_the_oldest_go(rig: Rig) -> None:
    jobs = []
    for _ in range(3):
        rig.clock.move(1)
        jobs.append(await rig.done(b"x" * 45))

    await rig.retention.look()

    assert [it.id for it in await rig.jobs.latest(9)] == [jobs[2].id, jobs[1].id]


async def test_a_job_whose_gateway_died_is_given_up(rig: Rig) -> None:
    silent = await rig.jobs.begin(wanted(idempotency_key="i1"))
    await rig.jobs.add_chunk(Chunk(silent.id, 0, 0, 1), 10)
    rig.clock.move(30)
    alive = await rig.jobs.begin(wanted(idempotency_key="i2"))
    rig.clock.move(30)
    await rig.jobs.touch(alive.id)

    await rig.retention.look()

    given_up = await rig.jobs.get(silent.id)
    assert given_up.state is JobState.FAILED
    assert "broke off" in given_up.sentence
    assert await rig.jobs.repeated(KEY, "i1", "d1") is None
    assert (await rig.jobs.get(alive.id)).state is JobState.RECEIVING


async def test_a_storage_that_is_away_keeps_no_older_job_here(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await rig.done()
    await rig.retention.look()
    rig.clock.move(2 * 86_400)
    await rig.done()

    async def away(_job_id: str) -> None:
        raise StorageUnavailable("away")

    monkeypatch.setattr(rig.shelf, "remove", away)
    with pytest.raises(StorageUnavailable):
        await rig.retention.look()

    with pytest.raises(UnknownJob):
        await rig.jobs.get(old.id)
