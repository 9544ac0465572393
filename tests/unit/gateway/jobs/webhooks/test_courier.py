"""From the end of a job to somebody's server."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.errors import DatabaseUnavailable
from gateway.jobs.job_schemas import described_job
from gateway.jobs.job_store import JobStore
from gateway.jobs.webhooks.caller import WebhookCaller
from gateway.jobs.webhooks.courier import Courier
from gateway.jobs.webhooks.notice_store import Notice, NoticeStore
from gateway.jobs.webhooks.public_address import Address
from gateway.jobs.webhooks.signature import signed_headers
from tests.unit.gateway.jobs.conftest import MovedClock
from tests.unit.gateway.jobs.webhooks.conftest import SECRETS, Outside, ended, noticed


async def told(courier: Courier) -> None:
    await courier.tick()
    await courier.finish()


async def test_the_end_of_a_job_is_told_once_signed_with_its_keys_secret(
    jobs: JobStore, courier: Courier, outside: Outside, clock: MovedClock
) -> None:
    job = await ended(jobs)
    clock.move(3)

    await told(courier)
    await told(courier)

    (request,) = outside.heard
    assert json.loads(request.content) == {
        "type": "job.ended",
        "timestamp": "2026-11-23T12:00:00+00:00",
        "data": described_job(job, now=clock.now).model_dump(mode="json"),
    }
    moment = int(clock.now.timestamp())
    signed = signed_headers(SECRETS.of(job.key_id), job.id, moment, request.content)
    assert request.headers.items() >= signed.items()


async def test_who_does_not_hear_is_told_again_after_a_pause(
    jobs: JobStore, courier: Courier, outside: Outside, engine: AsyncEngine, clock: MovedClock
) -> None:
    job = await ended(jobs)
    outside.status = 503
    await told(courier)
    assert (await noticed(engine, job)).trouble == "it answered 503"
    clock.move(4.9)
    await told(courier)
    assert len(outside.heard) == 1

    outside.status = 200
    clock.move(0.1)
    await told(courier)

    first, second = outside.heard
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == job.id
    assert first.headers["webhook-timestamp"] < second.headers["webhook-timestamp"]
    assert (await noticed(engine, job)).trouble == ""


async def test_the_last_failure_says_so_and_no_line_holds_the_url(
    jobs: JobStore,
    courier: Courier,
    outside: Outside,
    clock: MovedClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "gateway")
    await ended(jobs)
    outside.status = 500
    for _ in range(8):
        await told(courier)
        clock.move(86400)

    assert len(outside.heard) == 7
    assert caplog.messages[-1].endswith("attempt 7: it answered 500; it is given up")
    assert "hooks.example" not in caplog.text


async def test_hosts_that_hang_keep_nobody_waiting_but_other_webhooks(
    jobs: JobStore, notices: NoticeStore, clock: MovedClock
) -> None:
    asked = []

    async def look_up(host: str, _port: int) -> Sequence[Address]:
        asked.append(host)
        await asyncio.Event().wait()
        return []

    courier = Courier(notices, WebhookCaller((), look_up), SECRETS, clock)
    for _ in range(20):
        await ended(jobs)

    await asyncio.wait_for(courier.tick(), 5)
    await asyncio.wait_for(courier.tick(), 5)
    await asyncio.sleep(0)

    assert len(asked) == 16
    await courier.close()
    assert len(await notices.claim(10)) == 4


@pytest.mark.parametrize(
    ("trouble", "line"),
    [(DatabaseUnavailable("away"), "is not noted"), (ZeroDivisionError(), "has failed")],
)
async def test_trouble_with_one_is_logged_and_ends_nothing(
    jobs: JobStore,
    courier: Courier,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    trouble: Exception,
    line: str,
) -> None:
    async def delivered(_store: NoticeStore, _notice: Notice) -> None:
        raise trouble

    monkeypatch.setattr(NoticeStore, "delivered", delivered)
    await ended(jobs)

    await told(courier)

    assert line in caplog.text
