"""What a key may bring, also where it brings much at once or does not say how much."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.jobs.intake.chunk_writer import ChunkWriter
from gateway.jobs.intake.reception import Reception
from gateway.jobs.intake.spools import Spools
from gateway.jobs.job_errors import JobQuota
from gateway.jobs.job_store import JobStore
from gateway.jobs.payload import CHUNK_ITEMS, JobItem
from gateway.jobs.payload_shelf import PayloadShelf, storage_url
from gateway.settings import GatewaySettings
from tests.unit.gateway.jobs.intake.submitted import ZIP
from tests.unit.gateway.jobs.some_jobs import wanted
from tests.unit.gateway.running_gateway import StartGateway


async def a_hundred(piece: bytes) -> AsyncIterator[bytes]:
    """Pieces of a body, of which nothing was said before."""
    for _ in range(100):
        yield piece


async def test_a_body_of_unknown_length_is_paid_for_as_it_comes(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway()
    terms = {"name": "a", "scopes": ["predict"], "bytes_per_minute": 10**6}
    made = await gateway.client.post("/v1/admin/keys", json=terms, headers=gateway.admin)
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    part = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n%s\r\n'
    body = a_hundred(part % bytes(10**5))

    answer = await gateway.client.post(
        "/v1/jobs?alias=digits", content=body, headers=form | {"X-API-Key": made.json()["key"]}
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limited")
    jobs = await gateway.client.get("/v1/jobs", headers=gateway.admin)
    assert jobs.json()["jobs"] == [], "a chunk of it was kept, and may have been answered"


async def test_an_archive_of_unknown_length_is_refused_once_it_is_too_large(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(job_bytes_per_key=7000)
    body = a_hundred(bytes(1000))

    answer = await gateway.client.post(
        "/v1/jobs?alias=digits", content=body, headers=gateway.ui | {"Content-Type": ZIP}
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "job_quota")


async def test_jobs_that_come_in_at_once_share_what_their_key_may_have(
    settings: GatewaySettings, jobs: JobStore
) -> None:
    little = settings.model_copy(update={"job_bytes_per_key": 60_000})
    reception = Reception(little, jobs, PayloadShelf(storage_url(settings)))
    here, all_here = 0, asyncio.Event()

    async def fill(writer: ChunkWriter) -> None:
        nonlocal here
        here += 1
        if here == 3:
            all_here.set()
        await all_here.wait()
        for _ in range(4 * CHUNK_ITEMS):
            await writer.add(JobItem("a", bytes(40)))

    taken = await asyncio.gather(
        *(reception.receive(wanted(), 0, fill) for _ in range(3)), return_exceptions=True
    )

    # Each alone would have fitted.
    assert sum(isinstance(it, JobQuota) for it in taken) >= 2


def test_archives_on_their_way_count_together() -> None:
    spools = Spools()
    with spools.one("a", 100) as first:
        first.count(60)
        with spools.one("a", 100) as second, spools.one("b", 100) as of_another:
            of_another.count(100)
            with pytest.raises(JobQuota):
                second.count(41)
        first.count(100)
