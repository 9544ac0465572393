"""What a worker does for jobs keeps it from nothing else."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.control_plane.routing.route_store import RouteStore
from gateway.data_plane.routing.route_book import RouteBook
from gateway.data_plane.servers.open_fleet import open_fleet
from gateway.errors import DatabaseUnavailable
from gateway.jobs.job import JobTerms, SourceFolder
from gateway.jobs.job_store import JobStore
from gateway.jobs.runner.sources import Sources
from gateway.settings import GatewaySettings
from gateway.worker.jobs import Jobs
from tests.unit.gateway.jobs.some_jobs import wanted


async def test_a_storage_that_hangs_holds_up_neither_the_worker_nor_its_end(
    engine: AsyncEngine,
    jobs: JobStore,
    settings: GatewaySettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else rollouts would not be driven, and the lease would go to and fro."""
    looks = 0

    async def hang(*_: object) -> None:
        nonlocal looks
        looks += 1
        await asyncio.sleep(3600)

    monkeypatch.setattr(Sources, "listed", hang)
    await jobs.begin(wanted(JobTerms(source=SourceFolder("photos", ""))))
    async with asyncio.timeout(10), open_fleet(settings) as fleet:
        work = Jobs(engine, fleet, RouteBook(fleet, RouteStore(engine)), settings)
        async with work.running():
            for _ in range(20):
                work.tick()
                await asyncio.sleep(0.01)

    assert looks == 1


async def test_looks_that_fail_are_followed_by_others(
    engine: AsyncEngine,
    jobs: JobStore,
    settings: GatewaySettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    troubles = [DatabaseUnavailable("away"), RuntimeError("odd")]

    async def fail(*_: object) -> None:
        raise troubles.pop(0)

    monkeypatch.setattr(Sources, "listed", fail)
    await jobs.begin(wanted(JobTerms(source=SourceFolder("photos", ""))))
    async with open_fleet(settings) as fleet:
        work = Jobs(engine, fleet, RouteBook(fleet, RouteStore(engine)), settings)
        async with work.running():
            for _ in range(2):
                work.tick()
                await asyncio.sleep(0.1)

    assert troubles == []
