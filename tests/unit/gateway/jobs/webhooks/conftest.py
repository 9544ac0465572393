"""Jobs that have ended, and somebody who wants to know."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.jobs.job import Job, JobTerms
from gateway.jobs.job_store import JobStore
from gateway.jobs.job_tables import JobNoticeRow
from gateway.jobs.webhooks.caller import WebhookCaller
from gateway.jobs.webhooks.courier import Courier
from gateway.jobs.webhooks.notice_store import NoticeStore
from gateway.jobs.webhooks.public_address import Address
from gateway.jobs.webhooks.signature import WebhookSecrets
from tests.unit.gateway.jobs.conftest import MovedClock
from tests.unit.gateway.jobs.some_jobs import begun

URL = "https://hooks.example/ended?to=me"
SECRETS = WebhookSecrets("the hash secret of a test")


@dataclass
class Outside:
    """The world as a caller of webhooks sees it."""

    status: int = 204
    body: bytes = b""
    trouble: Exception | None = None
    addresses: Sequence[str] = ("93.184.216.34",)
    heard: list[httpx.Request] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """As a server would."""
        self.heard.append(request)
        if self.trouble:
            raise self.trouble
        stream = httpx.ByteStream(self.body)
        return httpx.Response(self.status, stream=stream, headers={"location": "http://a/"})

    async def look_up(self, _host: str, _port: int) -> Sequence[Address]:
        """As a name server would."""
        return [ipaddress.ip_address(it) for it in self.addresses]


async def noticed(engine: AsyncEngine, job: Job) -> JobNoticeRow:
    """What stands in the table."""
    async with engine.connect() as connection:
        wanted = select(JobNoticeRow.__table__).where(JobNoticeRow.job_id == job.id)
        return (await connection.execute(wanted)).one()  # type: ignore[return-value]  # same names


async def ended(jobs: JobStore, url: str | None = URL) -> Job:
    """A job of nothing, so it has ended."""
    return await begun(jobs, terms=JobTerms(webhook=url))


@pytest.fixture
def outside() -> Outside:
    """Says yes to everything."""
    return Outside()


@pytest.fixture
async def caller(outside: Outside) -> AsyncIterator[WebhookCaller]:
    """Nothing that is private is allowed."""
    transport = httpx.MockTransport(outside.answer)
    made = WebhookCaller((), outside.look_up, transport)
    yield made
    await made.close()


@pytest.fixture
def notices(engine: AsyncEngine, clock: MovedClock) -> NoticeStore:
    """Of one worker."""
    return NoticeStore(engine, clock)


@pytest.fixture
def courier(notices: NoticeStore, caller: WebhookCaller, clock: MovedClock) -> Courier:
    """Of the same."""
    return Courier(notices, caller, SECRETS, clock)
