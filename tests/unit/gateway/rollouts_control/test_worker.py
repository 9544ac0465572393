"""The worker as a process, and what it does when its neighbours are away."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.data_plane.servers.open_fleet import open_fleet
from gateway.jobs.runner.listing import Listing
from gateway.settings import GatewaySettings
from gateway.worker.worker import Worker, run_worker
from tests.unit.gateway.rollouts_control.driven import Clock


async def holder(engine: AsyncEngine) -> str | None:
    async with engine.connect() as connection:
        found = await connection.scalar(text("SELECT holder FROM leases WHERE name = 'worker'"))
    return str(found) if found is not None else None


async def test_it_gives_the_lease_back_when_it_is_told_to_stop(
    engine: AsyncEngine, settings: GatewaySettings
) -> None:
    stop = asyncio.Event()
    working = asyncio.create_task(run_worker(settings, stop))
    async with asyncio.timeout(20):
        while not await holder(engine):
            assert not working.done()
        stop.set()
        await working
    assert await holder(engine) == ""


async def test_trouble_with_the_database_is_logged_once_and_ends_nothing(
    engine: AsyncEngine, settings: GatewaySettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gateway.worker")
    clock = Clock()
    async with open_fleet(settings) as fleet:
        worker = Worker(engine, fleet, settings, clock=clock)
        await worker.tick()
        async with engine.begin() as connection:
            await connection.execute(text("ALTER TABLE leases RENAME TO away"))
        for _ in range(3):
            clock.now += 1.0
            await worker.tick()
        async with engine.begin() as connection:
            await connection.execute(text("ALTER TABLE away RENAME TO leases"))
        for _ in range(2):
            clock.now += 1.0
            await worker.tick()
        await worker.close()
    told = [it.getMessage() for it in caplog.records]
    assert len([it for it in told if "does not answer" in it]) == 1
    assert told.count("the database answers again") == 1
    assert told[0] == "this worker has the lease, and drives"


async def test_one_that_stood_still_says_that_it_has_lost_the_lease(
    engine: AsyncEngine, settings: GatewaySettings, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    async with open_fleet(settings) as fleet:
        one, other = (Worker(engine, fleet, settings, clock=clock) for _ in range(2))
        await one.tick()
        for _ in range(7):
            await other.tick()
            clock.now += 1.0
        await one.tick()
        assert "this worker has lost the lease" in caplog.text
        for worker in (one, other):
            await worker.close()


async def test_once_it_is_closed_nothing_of_it_goes_on(
    engine: AsyncEngine, settings: GatewaySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hang(_: Listing) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    monkeypatch.setattr(Listing, "look", hang)
    async with open_fleet(settings) as fleet:
        worker = Worker(engine, fleet, settings, clock=Clock())
        await worker.tick()
        async with asyncio.timeout(5):
            await begun.wait()
        await worker.close()
        assert ended.is_set()


async def test_the_command_works_until_sigterm(settings: GatewaySettings, tmp_path: Path) -> None:
    variables = {
        "GATEWAY_TRITON_URLS": settings.triton_urls[0],
        "GATEWAY_SUPERVISOR_URLS": settings.supervisor_urls[0],
        "GATEWAY_STATE_DIR": str(tmp_path),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "gateway.worker"),
        env={**os.environ, **variables},
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    async with asyncio.timeout(30):
        while b"has the lease" not in await process.stderr.readline():
            assert process.returncode is None
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def test_the_command_takes_no_arguments_and_refuses_nonsense_in_a_sentence() -> None:
    for arguments, variables, expected in (
        (["x"], {}, b"takes no arguments"),
        ([], {"GATEWAY_DATABASE_URL": "mysql://x"}, b"GATEWAY_DATABASE_URL must begin with"),
    ):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "gateway.worker", *arguments),
            env={**os.environ, **variables},
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await process.communicate()
        assert process.returncode == 1
        assert expected in errors
