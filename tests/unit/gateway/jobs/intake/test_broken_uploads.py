"""Uploads that are slow, that break off, or that nobody wants any more."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.errors import Overloaded
from gateway.jobs.intake.chunk_writer import ChunkWriter
from gateway.jobs.intake.reception import Reception
from gateway.jobs.job import JobState
from gateway.jobs.job_errors import JobConflict, StorageUnavailable
from gateway.jobs.job_store import JobStore
from gateway.jobs.job_tables import JobRow
from gateway.jobs.payload import CHUNK_ITEMS, JobItem
from gateway.jobs.payload_shelf import PayloadShelf, storage_url
from gateway.settings import GatewaySettings
from tests.unit.gateway.jobs.conftest import MovedClock
from tests.unit.gateway.jobs.intake.submitted import jobs_of
from tests.unit.gateway.jobs.some_jobs import wanted
from tests.unit.gateway.raw_connection import connected
from tests.unit.gateway.running_gateway import Gateway, StartGateway, until

FILE = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nseven\r\n'


def head_of(gateway: Gateway, length: int) -> bytes:
    (name, key), *_ = gateway.ui.items()
    return (
        f"POST /v1/jobs?alias=digits HTTP/1.1\r\nHost: a\r\n{name}: {key}\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


async def test_a_client_that_goes_away_leaves_no_job_or_a_failed_one_without_items(
    settings: GatewaySettings, serve_gateway: StartGateway
) -> None:
    gateway = await serve_gateway()
    for files, left in ((3, []), (CHUNK_ITEMS + 2, [("failed", CHUNK_ITEMS)])):
        async with connected(gateway) as connection:
            connection.send(head_of(gateway, 10**6) + FILE * files)

            async def is_coming(items: int = files // CHUNK_ITEMS * CHUNK_ITEMS) -> bool:
                jobs = await jobs_of(gateway)
                return any((it["state"], it["items"]) == ("receiving", items) for it in jobs)

            await until(is_coming)

        async def is_over(left: list[tuple[str, int]] = left) -> bool:
            return [(it["state"], it["items"]) for it in await jobs_of(gateway)] == left

        await until(is_over)
    assert (await jobs_of(gateway))[0]["sentence"].endswith("the upload broke off")
    await until(lambda: not any(it.is_file() for it in (settings.state_dir / "jobs").rglob("*")))


async def test_a_body_that_stops_is_given_up(serve_gateway: StartGateway) -> None:
    gateway = await serve_gateway(body_silence_seconds=0.1)
    async with connected(gateway) as connection:
        connection.send(head_of(gateway, 10**6) + FILE)
        answer = await connection.answer()

    assert (answer.status, answer.code) == (408, "body_timeout")
    assert await jobs_of(gateway) == []


async def test_a_job_that_is_cancelled_while_it_comes_in_takes_no_more(
    serve_gateway: StartGateway,
) -> None:
    gateway = await serve_gateway()
    async with connected(gateway) as connection:
        connection.send(head_of(gateway, 10**6) + FILE)

        async def is_coming() -> bool:
            return len(await jobs_of(gateway)) == 1

        await until(is_coming)
        (job,) = await jobs_of(gateway)
        await gateway.client.delete(f"/v1/jobs/{job['id']}", headers=gateway.ui)
        connection.send(FILE * (CHUNK_ITEMS + 2))
        answer = await connection.answer()

    assert (answer.status, answer.code) == (409, "job_conflict")
    (job,) = await jobs_of(gateway)
    assert (job["state"], job["items"]) == ("cancelled", 0)


@pytest.fixture
def shelf(settings: GatewaySettings) -> PayloadShelf:
    return PayloadShelf(storage_url(settings))


async def test_while_items_come_slowly_the_job_is_said_to_live(
    settings: GatewaySettings,
    engine: AsyncEngine,
    jobs: JobStore,
    clock: MovedClock,
    shelf: PayloadShelf,
) -> None:
    reception = Reception(settings, jobs, shelf, beat_seconds=0.01)

    async def slowly(writer: ChunkWriter) -> None:
        await writer.add(JobItem("a", b"1"))
        clock.move(60)

        async def is_said() -> bool:
            async with engine.connect() as connection:
                changed = await connection.scalar(select(JobRow.changed_at))
            return changed is not None and changed.replace(tzinfo=None) == clock.now.replace(
                tzinfo=None
            )

        await until(is_said)

    job = await reception.receive(wanted(), 0, slowly)
    assert (job.state, job.items) == (JobState.QUEUED, 1)


async def test_when_the_gateway_ends_the_job_has_failed(
    settings: GatewaySettings, jobs: JobStore, shelf: PayloadShelf
) -> None:
    reception = Reception(settings, jobs, shelf)
    has_begun = asyncio.Event()

    async def endless(writer: ChunkWriter) -> None:
        for _ in range(CHUNK_ITEMS + 1):
            await writer.add(JobItem("a", b"1"))
        has_begun.set()
        await asyncio.sleep(60)

    receiving = asyncio.create_task(reception.receive(wanted(), 0, endless))
    await has_begun.wait()
    receiving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await receiving

    (job,) = await jobs.latest(5)
    assert job.state is JobState.FAILED
    assert job.sentence == "the gateway ended while its items came in"


async def test_a_storage_that_cannot_be_cleared_leaves_the_job_to_a_worker(
    settings: GatewaySettings, jobs: JobStore, caplog: pytest.LogCaptureFixture
) -> None:
    settings.state_dir.joinpath("jobs").write_text("no folder")
    reception = Reception(settings, jobs, PayloadShelf(storage_url(settings)))

    async def one(writer: ChunkWriter) -> None:
        await writer.add(JobItem("a", b"1"))

    with pytest.raises(StorageUnavailable):
        await reception.receive(wanted(), 0, one)

    (job,) = await jobs.latest(5)
    assert job.state is JobState.FAILED
    assert "a worker is to clear it away" in caplog.text


async def test_only_so_many_jobs_come_in_at_once(
    settings: GatewaySettings, jobs: JobStore, shelf: PayloadShelf
) -> None:
    reception = Reception(settings, jobs, shelf, most_at_once=1)

    async def another(_: ChunkWriter) -> None:
        await reception.receive(wanted(), 0, another)

    with pytest.raises(Overloaded):
        await reception.receive(wanted(), 0, another)


async def test_of_two_that_begin_at_once_under_one_key_one_is_told_so(
    settings: GatewaySettings, jobs: JobStore, shelf: PayloadShelf
) -> None:
    reception = Reception(settings, jobs, shelf)
    await reception.begin(wanted(idempotency_key="a"))

    with pytest.raises(JobConflict):
        await reception.begin(wanted(idempotency_key="a"))
