"""Many watch, one looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.errors import DatabaseUnavailable, KeyOverloaded, Overloaded
from gateway.jobs.job import Job
from gateway.jobs.job_store import JobStore
from gateway.jobs.job_watch import JobWatch
from tests.unit.gateway.jobs.some_jobs import begun
from tests.unit.gateway.running_gateway import until


class Record:
    """Tells how jobs stand, and how often somebody asked."""

    def __init__(self, *jobs: Job) -> None:
        self.jobs = {job.id: job for job in jobs}
        self.asked: list[set[str]] = []
        self.trouble: list[Exception] = []

    async def look(self, ids: Collection[str]) -> Sequence[Job]:
        self.asked.append(set(ids))
        if self.trouble:
            raise self.trouble.pop()
        return [job for job in self.jobs.values() if job.id in ids]


@asynccontextmanager
async def watching(record: Record, most_seats: int = 100) -> AsyncIterator[JobWatch]:
    watch = JobWatch(record.look, look_seconds=0.005, most_seats=most_seats)
    running = asyncio.create_task(watch.run())
    yield watch
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_one_look_is_for_all_and_each_is_told_what_changed(jobs: JobStore) -> None:
    one, two = await begun(jobs, 5), await begun(jobs, 5)
    record = Record(one, two)
    async with watching(record) as watch:
        with watch.seat(one, "a") as first, watch.seat(one, "b") as second, watch.seat(two, "a"):
            assert await first.news(0.05) is None
            assert all(ids == {one.id, two.id} for ids in record.asked)
            record.jobs[one.id] = changed = replace(one, done=3)

            assert [await first.news(5), await second.news(5)] == [changed, changed]
            assert await first.news(0.01) is None


async def test_nobody_looks_where_nobody_watches(jobs: JobStore) -> None:
    job = await begun(jobs, 1)
    record = Record(job)
    async with watching(record) as watch:
        await asyncio.sleep(0.03)
        assert record.asked == []
        with watch.seat(job, "a"):
            await until(lambda: len(record.asked) > 2)
        await asyncio.sleep(0.02)
        before = len(record.asked)
        await asyncio.sleep(0.03)
        assert len(record.asked) == before
        with watch.seat(job, "a"):
            await until(lambda: len(record.asked) > before)


async def test_who_watches_a_job_that_is_removed_learns_it(jobs: JobStore) -> None:
    job = await begun(jobs, 1)
    record = Record()
    async with watching(record) as watch:
        with watch.seat(job, "a") as seat:
            assert await seat.news(5) is None
            assert seat.is_over
            assert seat.job == job


@pytest.mark.parametrize("trouble", [DatabaseUnavailable("away"), ZeroDivisionError()])
async def test_a_look_that_fails_is_followed_by_another(
    jobs: JobStore, trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    job = await begun(jobs, 1)
    record = Record(replace(job, done=1))
    record.trouble = [trouble]
    async with watching(record) as watch:
        with watch.seat(job, "a") as seat:
            assert await seat.news(5) is not None
    assert len(caplog.records) == 1


async def test_seats_are_counted_for_all_and_for_each_key(jobs: JobStore) -> None:
    job = await begun(jobs, 1)
    watch = JobWatch(Record(job).look, most_seats=4)
    with watch.seat(job, "a"), watch.seat(job, "a"):
        with pytest.raises(KeyOverloaded), watch.seat(job, "a"):
            pass
        with (
            watch.seat(job, "b"),
            watch.seat(job, "c"),
            pytest.raises(Overloaded),
            watch.seat(job, "d"),
        ):
            pass
    with watch.seat(job, "d"):
        pass
