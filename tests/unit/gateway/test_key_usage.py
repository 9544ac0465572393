"""What keys were used for: counted as requests end, written down later, shown with the keys."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.control_plane.database import open_database
from gateway.control_plane.key_usage.usage import Usage
from gateway.control_plane.key_usage.usage_counts import Counted, KeyDay, UsageCounts
from gateway.control_plane.key_usage.usage_reporter import UsageReporter
from gateway.control_plane.key_usage.usage_store import UsageStore
from gateway.request_context import RequestRecord
from gateway.settings import GatewaySettings
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.running_gateway import Gateway, gateway_in_process

NOW = datetime(2026, 5, 3, 8, 0, tzinfo=UTC)
IMAGE = {"Content-Type": "image/jpeg"}


async def usage_of(gateway: Gateway, name: str) -> dict[str, Any]:
    answer = await gateway.client.get("/v1/admin/keys", headers=gateway.admin)
    (usage,) = [key["usage"] for key in answer.json()["keys"] if key["name"] == name]
    assert isinstance(usage, dict)
    return usage


async def test_what_a_key_has_asked_for_is_told_after_the_next_start(
    settings: GatewaySettings, triton: FakeTriton
) -> None:
    triton.answers[b"an image"] = ranked("7")
    before = datetime.now(UTC)
    async with gateway_in_process(settings) as gateway:
        ui, client = gateway.ui, gateway.client
        for _ in range(2):
            answer = await client.post(
                "/v1/predict/digits", content=b"an image", headers=ui | IMAGE
            )
            assert answer.status_code == 200
        refused = await client.post("/v1/predict/nothing", content=b"x", headers=ui | IMAGE)
        assert refused.status_code == 404
        assert (await client.get("/v1/routes", headers=ui)).status_code == 200
        unknown = {"X-API-Key": "tri_nobodys", **IMAGE}
        await client.post("/v1/predict/digits", content=b"an image", headers=unknown)

    async with gateway_in_process(settings) as gateway:
        usage = await usage_of(gateway, "ui")
        own = (await gateway.client.get("/v1/key", headers=gateway.ui)).json()["usage"]
        of_admin = await usage_of(gateway, "admin")

    assert usage["today"] == {"requests": 3, "items": 2, "body_bytes": 16, "refused": 1}
    assert usage["last_30_days"] == usage["today"]
    assert before <= datetime.fromisoformat(usage["last_used_at"]) <= datetime.now(UTC)
    assert own == usage
    assert of_admin["last_30_days"]["requests"] == 0


async def test_a_key_knows_what_it_may_do_although_nobody_knows_what_it_has_done(
    settings: GatewaySettings,
) -> None:
    async with gateway_in_process(settings) as gateway:
        with sqlite3.connect(settings.state_dir / "triptych.db") as database:
            database.execute("ALTER TABLE key_usage RENAME TO elsewhere")
        database.close()
        own = await gateway.client.get("/v1/key", headers=gateway.ui)
        listed = await gateway.client.get("/v1/admin/keys", headers=gateway.admin)

    assert (own.status_code, own.json()["usage"]) == (200, None)
    assert listed.json()["error"]["code"] == "database_unavailable"


def ended(
    counts: UsageCounts, key_id: str = "one", *, at: datetime = NOW, is_prediction: bool = True
) -> None:
    known = RequestRecord(arrived_ns=int(at.timestamp() * 1e9), key_id=key_id, images=2)
    known.body_bytes = 100
    counts.add(known, is_prediction=is_prediction, is_refused=False)


def test_counts_are_taken_once_and_can_be_put_back() -> None:
    counts = UsageCounts()
    ended(counts)
    ended(counts, at=NOW + timedelta(seconds=1), is_prediction=False)
    ended(counts, key_id="")
    taken = counts.take()
    assert taken == {
        KeyDay("one", NOW.date()): Counted(Usage(1, 2, 100, 0), NOW + timedelta(seconds=1))
    }
    assert counts.take() == {}
    ended(counts)
    counts.put_back(taken)
    assert counts.take()[KeyDay("one", NOW.date())].usage == Usage(2, 4, 200, 0)


async def test_what_cannot_be_written_down_is_kept_and_told_once(
    settings: GatewaySettings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.state_dir.mkdir()
    engine = await open_database(settings.effective_database_url)
    counts, store = UsageCounts(), UsageStore(engine, clock=lambda: NOW)
    reporter = UsageReporter(counts, store)
    database = sqlite3.connect(settings.state_dir / "triptych.db", isolation_level=None)
    database.execute("ALTER TABLE key_usage RENAME TO elsewhere")
    for _ in range(2):
        ended(counts)
        await reporter.report()
    assert caplog.text.count("cannot be written down") == 1
    database.execute("ALTER TABLE elsewhere RENAME TO key_usage")
    database.close()
    await reporter.report()
    assert "can be written down again" in caplog.text
    assert (await store.of("one")).today == Usage(2, 4, 200, 0)
    await engine.dispose()


async def test_what_is_being_written_as_the_process_ends_is_counted_once(
    settings: GatewaySettings,
) -> None:
    settings.state_dir.mkdir()
    engine = await open_database(settings.effective_database_url)
    written = asyncio.Event()

    class SlowStore(UsageStore):
        async def add(self, counts: Mapping[KeyDay, Counted]) -> None:
            await super().add(counts)
            written.set()
            await asyncio.sleep(0.05)  # the word that it is written comes late

    counts, store = UsageCounts(), SlowStore(engine, clock=lambda: NOW)
    reporter = UsageReporter(counts, store)
    ended(counts)
    report = asyncio.create_task(reporter.report())
    await written.wait()
    report.cancel()
    await asyncio.gather(report, return_exceptions=True)
    await reporter.report()

    assert (await store.of("one")).today == Usage(1, 2, 100, 0)
    await engine.dispose()
