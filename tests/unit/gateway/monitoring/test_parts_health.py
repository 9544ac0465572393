"""GET /v1/admin/health: each part's state, and what was healed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway.data_plane.rate_limits import RateLimits
from gateway.data_plane.servers.fleet import Fleet
from gateway.data_plane.servers.open_fleet import open_fleet
from gateway.monitoring.parts_health import PartsHealth
from gateway.settings import GatewaySettings
from tests.fakes.fake_supervisor import SINCE, FakeSupervisor, Mood, a_release
from tests.unit.gateway.running_gateway import Gateway, StartGateway
from triptych.supervisor.status import Heal, Phase, ReleaseState


async def parts_of(gateway: Gateway) -> dict[tuple[str, str], dict[str, Any]]:
    answer = await gateway.client.get("/v1/admin/health", headers=gateway.admin)
    assert answer.status_code == 200
    return {(it["kind"], it["name"]): it for it in answer.json()["parts"]}


async def test_all_is_well(start_gateway: StartGateway) -> None:
    parts = await parts_of(await start_gateway())
    assert list(parts) == [
        ("gateway", "gateway"),
        ("database", "database"),
        ("triton", "triton-0"),
        ("release", "digits_r1"),
    ]
    assert all(it["is_well"] and it["reason"] is None for it in parts.values())
    assert parts["triton", "triton-0"]["state"] == "serving"
    assert parts["release", "digits_r1"] == {
        "kind": "release",
        "name": "digits_r1",
        "server": "triton-0",
        "state": "ready",
        "is_well": True,
        "since": SINCE,
        "reason": None,
    }


async def test_a_release_in_trouble_says_why(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    ill = replace(
        a_release("digits", 1), state=ReleaseState.HEALING, reason="stub died: preprocess"
    )
    supervisor.releases = [ill]
    supervisor.is_ready, supervisor.reason = False, "digits_r1: stub died: preprocess"
    supervisor.phase = Phase.SERVING
    parts = await parts_of(await start_gateway())
    release, triton = parts["release", "digits_r1"], parts["triton", "triton-0"]
    assert (release["state"], release["is_well"]) == ("healing", False)
    assert release["reason"] == "stub died: preprocess"
    assert (triton["state"], triton["is_well"]) == ("serving", False)
    assert triton["reason"] == supervisor.reason


async def test_heals_are_told_the_newest_first(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.heals = [
        Heal("2026-01-31T12:00:01.000Z", "preprocess: stub died", "digits_r1", 1.2),
        Heal("2026-01-31T12:00:09.000Z", "Triton hung", None, 8.0),
    ]
    gateway = await start_gateway()
    answer = await gateway.client.get("/v1/admin/health", headers=gateway.admin)
    newest, oldest = answer.json()["heals"]
    assert (newest["cause"], newest["release"]) == ("Triton hung", None)
    assert oldest == {
        "at": "2026-01-31T12:00:01.000Z",
        "server": "triton-0",
        "release": "digits_r1",
        "cause": "preprocess: stub died",
        "seconds": 1.2,
    }


async def test_a_silent_supervisor_makes_its_triton_and_releases_silent(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(status_max_age_seconds=0.1, status_interval_seconds=0.05)
    supervisor.mood = Mood.SILENT
    async with asyncio.timeout(10):
        state = ""
        while state != "silent":
            parts = await parts_of(gateway)
            state = parts["triton", "triton-0"]["state"]
            await asyncio.sleep(0.02)
    release = parts["release", "digits_r1"]
    assert (release["state"], release["is_well"]) == ("silent", False)
    assert release["reason"] == "Triton's supervisor does not answer"


@pytest.fixture
async def fleet(settings: GatewaySettings) -> AsyncIterator[Fleet]:
    async with open_fleet(settings) as fleet:
        yield fleet


@pytest.fixture
async def engine() -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine("sqlite+aiosqlite:////nowhere/at/all.db")
    yield engine
    await engine.dispose()


async def test_a_database_that_is_away_and_a_redis_that_is_away(
    fleet: Fleet, engine: AsyncEngine
) -> None:
    limits = RateLimits("redis://127.0.0.1:1")
    parts = PartsHealth(engine, fleet, limits)
    first = {it.kind: it for it in await parts.look()}
    again = {it.kind: it for it in await parts.look()}
    await limits.close()
    for kind, reason in (("database", "OperationalError"), ("redis", "ConnectionError")):
        assert (first[kind].state, first[kind].reason) == ("away", reason)  # type: ignore[index]  # a StrEnum is its text
        assert again[kind].since == first[kind].since  # type: ignore[index]  # as above


async def test_one_that_hangs_is_given_up(fleet: Fleet, engine: AsyncEngine) -> None:
    class Hanging(RateLimits):
        is_shared = True

        async def ping(self) -> None:
            await asyncio.sleep(60)

    found = {str(it.kind): it for it in await PartsHealth(engine, fleet, Hanging()).look()}
    assert found["redis"].reason == "no answer within 1 s"


async def test_own_counters_have_nobody_to_ask() -> None:
    limits = RateLimits()
    assert not limits.is_shared
    await limits.ping()
