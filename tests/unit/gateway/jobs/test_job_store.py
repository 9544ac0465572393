"""Jobs as their owners see them."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.errors import DatabaseUnavailable
from gateway.jobs.job import Chunk, JobState, JobTerms, SourceFolder
from gateway.jobs.job_errors import JobConflict, UnknownJob
from gateway.jobs.job_store import Holdings, JobStore
from tests.unit.gateway.jobs.conftest import MovedClock
from tests.unit.gateway.jobs.some_jobs import KEY, begun, key, wanted


async def test_a_job_is_seen_by_its_tenant_and_by_who_sees_all(jobs: JobStore) -> None:
    job = await begun(jobs, 3, owner=key("0b0b", tenant="shop"))

    assert await jobs.get(job.id, "shop") == await jobs.get(job.id) == job
    with pytest.raises(UnknownJob):
        await jobs.get(job.id, "0a0a")
    with pytest.raises(UnknownJob):
        await jobs.get("none")


async def test_the_newest_jobs_come_first(jobs: JobStore, clock: MovedClock) -> None:
    made = []
    for owner in (KEY, key("0b0b"), KEY):
        clock.move(1)
        made.append((await begun(jobs, 1, owner=owner)).id)

    assert [it.id for it in await jobs.latest(2)] == [made[2], made[1]]
    assert [it.id for it in await jobs.latest(9, tenant=KEY.tenant)] == [made[2], made[0]]


async def test_the_same_request_finds_its_job_again(jobs: JobStore) -> None:
    assert await jobs.repeated(KEY, "i1", "d1") is None
    job = await jobs.begin(wanted(idempotency_key="i1"))

    with pytest.raises(JobConflict, match="still coming in"):
        await jobs.repeated(KEY, "i1", "d1")
    await jobs.close(job.id)

    found = await jobs.repeated(KEY, "i1", "d1")
    assert found
    assert found.id == job.id
    assert await jobs.repeated(key("0b0b"), "i1", "d1") is None
    with pytest.raises(JobConflict, match="another request"):
        await jobs.repeated(KEY, "i1", "d2")
    with pytest.raises(JobConflict, match="just come"):
        await jobs.begin(wanted(idempotency_key="i1"))


async def test_a_request_that_broke_off_may_come_again(jobs: JobStore) -> None:
    job = await jobs.begin(wanted(idempotency_key="i1"))
    await jobs.abandon(job.id, "the upload ended early")

    assert await jobs.repeated(KEY, "i1", "d1") is None
    failed = await jobs.get(job.id)
    assert (failed.state, failed.sentence) == (JobState.FAILED, "the upload ended early")
    await jobs.begin(wanted(idempotency_key="i1"))


async def test_a_job_that_has_ended_takes_no_more(jobs: JobStore) -> None:
    job = await jobs.begin(wanted())
    await jobs.cancel(job.id, "its owner asked for it")

    assert not await jobs.add_chunk(Chunk(job.id, 0, 0, 1), 10)
    assert (await jobs.close(job.id)).state is JobState.CANCELLED


async def test_what_a_key_holds_is_counted(jobs: JobStore) -> None:
    assert await jobs.holdings(KEY.id) == Holdings(0, 0)
    await begun(jobs, 2, 2)
    await jobs.cancel((await begun(jobs, 2)).id, "its owner asked for it")
    await begun(jobs, 2, owner=key("0b0b"))

    assert await jobs.holdings(KEY.id) == Holdings(alive=1, stored_bytes=300)


async def test_terms_are_kept(jobs: JobStore) -> None:
    terms = JobTerms(3, "https://hook.example", SourceFolder("photos", "2026"), is_single=True)

    job = await jobs.begin(wanted(terms))

    assert (job.terms, job.state) == (terms, JobState.LISTING)
    assert (await jobs.get(job.id)).terms == terms


async def test_a_database_that_is_gone_is_one_error(jobs: JobStore, engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.exec_driver_sql("DROP TABLE jobs")

    with pytest.raises(DatabaseUnavailable):
        await jobs.latest(1)


async def test_who_uploads_says_so_now_and_then(jobs: JobStore, clock: MovedClock) -> None:
    job = await jobs.begin(wanted())
    clock.move(30)

    await jobs.touch(job.id)

    assert (await jobs.get(job.id)).state is JobState.RECEIVING
