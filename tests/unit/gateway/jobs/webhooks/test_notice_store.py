"""Each end of a job is told by one worker at a time, seven times at most."""

from __future__ import annotations

import asyncio

from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.jobs.job_store import JobStore
from gateway.jobs.webhooks.notice_store import NoticeStore
from tests.unit.gateway.jobs.conftest import MovedClock
from tests.unit.gateway.jobs.webhooks.conftest import URL, ended, noticed


async def test_a_job_that_wants_no_webhook_leaves_nothing_to_tell(
    jobs: JobStore, notices: NoticeStore
) -> None:
    await ended(jobs, url=None)

    assert await notices.claim(10) == ()


async def test_of_two_workers_one_gets_a_notice(
    jobs: JobStore, engine: AsyncEngine, clock: MovedClock
) -> None:
    job = await ended(jobs)

    claims = await asyncio.gather(*(NoticeStore(engine, clock).claim(10) for _ in range(4)))

    (notice,) = [it for claimed in claims for it in claimed]
    assert (notice.job.id, notice.url, notice.attempt) == (job.id, URL, 1)
    clock.move(59)
    assert not await NoticeStore(engine, clock).claim(10)


async def test_what_a_worker_took_and_did_not_finish_is_taken_again(
    jobs: JobStore, notices: NoticeStore, clock: MovedClock
) -> None:
    await ended(jobs)
    (lost,) = await notices.claim(10)
    clock.move(60)

    (again,) = await notices.claim(10)

    assert again.attempt == 2
    await notices.delivered(lost)  # the first one lives after all, and is not asked any more
    clock.move(60)
    assert len(await notices.claim(10)) == 1


async def test_no_more_are_taken_than_wanted_the_longest_waiting_first(
    jobs: JobStore, notices: NoticeStore, clock: MovedClock
) -> None:
    first = await ended(jobs)
    clock.move(1)
    second = await ended(jobs)

    assert [it.job.id for it in await notices.claim(1)] == [first.id]
    assert [it.job.id for it in await notices.claim(1)] == [second.id]


async def test_what_was_heard_is_not_told_again(
    jobs: JobStore, notices: NoticeStore, engine: AsyncEngine, clock: MovedClock
) -> None:
    job = await ended(jobs)
    (notice,) = await notices.claim(10)

    await notices.delivered(notice)

    clock.move(7 * 86400)
    assert not await notices.claim(10)
    row = await noticed(engine, job)
    assert (row.next_at, row.trouble, row.attempts) == (None, "", 1)
    assert row.delivered_at is not None


async def test_pauses_grow_and_the_seventh_attempt_is_the_last(
    jobs: JobStore, notices: NoticeStore, engine: AsyncEngine, clock: MovedClock
) -> None:
    job = await ended(jobs)
    waited = []
    for _ in range(6):
        (notice,) = await notices.claim(10)
        assert await notices.failed(notice, "x" * 1000)
        row = await noticed(engine, job)
        assert row.next_at is not None
        pause = row.next_at.replace(tzinfo=clock.now.tzinfo) - clock.now
        clock.now += pause
        waited.append(pause.total_seconds())
    (notice,) = await notices.claim(10)

    assert not await notices.failed(notice, "gone")

    assert waited == [5, 30, 120, 600, 3600, 21600]
    row = await noticed(engine, job)
    assert (row.next_at, row.delivered_at, row.trouble, row.attempts) == (None, None, "gone", 7)


async def test_a_notice_that_ends_its_worker_each_time_ends_seven_at_most(
    jobs: JobStore, notices: NoticeStore, clock: MovedClock
) -> None:
    await ended(jobs)

    taken = 0
    for _ in range(10):
        taken += len(await notices.claim(10))
        clock.move(60)

    assert taken == 7
