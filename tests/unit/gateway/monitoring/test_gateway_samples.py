"""Samples of the gateway's traffic: what is counted, kept, added up by several workers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.data_plane.admission.admission import Admission, AdmissionLimits
from gateway.monitoring.gateway_samples import GatewaySamples
from gateway.monitoring.sample_shelf import OwnShelf, SampleShelf, SharedShelf, time_text
from gateway.monitoring.traffic import TrafficCounts
from gateway.request_context import RequestRecord
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.running_gateway import StartGateway

NOON = 1_769_860_800.0  # 2026-01-31T12:00:00Z
PREDICT = "/v1/predict/{alias}"


class Clock:
    """Stands still until a test moves it."""

    now = NOON

    def __call__(self) -> float:
        return self.now


def some_samples(shelf: SampleShelf, clock: Clock) -> tuple[GatewaySamples, TrafficCounts]:
    limits = AdmissionLimits(
        max_admitted=8, max_admitted_bytes=1000, max_in_flight=4, latency_tolerance=6.0
    )
    traffic = TrafficCounts()
    return GatewaySamples(traffic, Admission(limits), shelf, clock=clock), traffic


async def told(samples: GatewaySamples, **asked: Any) -> list[dict[str, Any]]:
    body = json.loads(await samples.to_json(**{"seconds": 3600, **asked}))
    assert body["interval_seconds"] == 5
    return list(body["samples"])


def a_request(alias: str = "digits", queue_ms: float = 2.0) -> RequestRecord:
    return RequestRecord(alias=alias, release=f"{alias}_r1" if alias else "", queue_ms=queue_ms)


@pytest.fixture(params=["own", "shared"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> SampleShelf:
    return OwnShelf() if request.param == "own" else SharedShelf(tmp_path)


async def test_requests_to_models_are_counted_by_alias_release_and_outcome(
    shelf: SampleShelf,
) -> None:
    clock = Clock()
    samples, traffic = some_samples(shelf, clock)
    for route, alias, outcome in (
        (PREDICT, "digits", "ok"),
        (PREDICT, "digits", "ok"),
        (PREDICT, "digits", "rejected"),
        ("/v2/models/{model}/infer", "topics", "ok"),
        (PREDICT, "", "rejected"),
        ("/v2/models/{model}", "topics", "ok"),
        ("/v1/routes", "", "ok"),
    ):
        traffic.note(route, a_request(alias), outcome)
    samples.look(NOON)
    samples.look(NOON + 5)
    clock.now = NOON + 7
    first, second = await told(samples)

    counted = {(it["alias"], it["release"], it["outcome"]): it for it in first["traffic"]}
    assert {kind: it["requests"] for kind, it in counted.items()} == {
        ("digits", "digits_r1", "ok"): 2,
        ("digits", "digits_r1", "rejected"): 1,
        ("topics", "topics_r1", "ok"): 1,
        ("", "", "rejected"): 1,
    }
    digits = counted["digits", "digits_r1", "ok"]
    assert digits["queue_ms"] == 4.0
    assert sum(digits["latency"]["counts"]) == 2
    assert first["time"] == "2026-01-31T12:00:00.000Z"
    assert first["rss_bytes"] > 1_000_000
    assert second["traffic"] == []


async def test_a_page_gets_only_what_is_new_and_nothing_before_everybody_has_told(
    shelf: SampleShelf,
) -> None:
    clock = Clock()
    samples, _ = some_samples(shelf, clock)
    for number in range(100):
        samples.look(NOON + 5 * number)
    clock.now = NOON + 99 * 5 + 0.5
    times = [it["time"] for it in await told(samples)]

    assert times == [time_text(NOON + 5 * number) for number in range(99)]
    clock.now += 1
    assert len(await told(samples, since=times[-1])) == 1
    assert len(await told(samples, since=times[60])) == 39
    assert len(await told(samples, seconds=20)) == 4
    assert await told(samples, since="9999-99-99T99:99:99.999Z") == []


async def test_an_hour_is_kept_and_no_more(shelf: SampleShelf) -> None:
    clock = Clock()
    samples, _ = some_samples(shelf, clock)
    for number in range(2000):
        samples.look(NOON + 5 * number)
    clock.now = NOON + 2000 * 5

    assert 719 <= len(await told(samples)) <= 720
    assert len(shelf.since("")) <= 720 + 60


async def test_a_clock_that_is_set_back_hides_nothing_new(shelf: SampleShelf) -> None:
    clock = Clock()
    samples, _ = some_samples(shelf, clock)
    for number in range(720):
        samples.look(NOON + 5 * number)
    before_noon = NOON - 7200
    for number in range(3):
        samples.look(before_noon + 5 * number)
    clock.now = before_noon + 12

    assert [it["time"] for it in await told(samples)] == [
        time_text(before_noon + 5 * number) for number in range(3)
    ]


async def test_what_several_workers_have_done_lies_side_by_side(tmp_path: Path) -> None:
    clock = Clock()
    workers = [some_samples(SharedShelf(tmp_path), clock) for _ in range(3)]
    for times, (samples, traffic) in enumerate(workers, 1):
        for _ in range(times):
            traffic.note(PREDICT, a_request(), "ok")
        samples.look(NOON)
    clock.now += 2

    for samples, _ in workers:
        everybodys = await told(samples)
        assert {it["time"] for it in everybodys} == {"2026-01-31T12:00:00.000Z"}
        assert sum(row["requests"] for it in everybodys for row in it["traffic"]) == 6


async def test_what_is_counted_until_the_end_is_kept_and_a_full_disk_ends_nothing(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    clock = Clock()
    shelf = OwnShelf()
    samples, traffic = some_samples(shelf, clock)
    task = asyncio.create_task(samples.run())
    await asyncio.sleep(0)
    traffic.note(PREDICT, a_request(), "ok")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    (last,) = shelf.since("")
    assert json.loads(last)["traffic"][0]["requests"] == 1
    assert json.loads(last)["time"] == time_text(NOON + 5)

    nowhere, _ = some_samples(SharedShelf(tmp_path / "gone"), clock)
    task = asyncio.create_task(nowhere.run())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert "is lost" in caplog.text


async def test_a_gateway_tells_its_own_traffic(
    triton: FakeTriton, start_gateway: StartGateway, at_once: Callable[[], None]
) -> None:
    at_once()
    triton.answers[b"seven"] = ranked("7")
    gateway = await start_gateway()
    await gateway.client.post("/v1/predict/digits", content=b"seven", headers=gateway.ui)
    rows: list[Any] = []
    async with asyncio.timeout(10):
        while not rows:
            answer = await gateway.client.get("/v1/admin/monitoring/gateway", headers=gateway.admin)
            assert answer.status_code == 200
            rows = [row for it in answer.json()["samples"] for row in it["traffic"]]
            await asyncio.sleep(0.02)
    assert [(it["alias"], it["release"], it["outcome"]) for it in rows] == [
        ("digits", "digits_r1", "ok")
    ]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Have intervals end every tenth of a second, and told at once."""

    def patch() -> None:
        monkeypatch.setattr("gateway.monitoring.gateway_samples.INTERVAL_SECONDS", 0.1)
        monkeypatch.setattr("gateway.monitoring.gateway_samples._GRACE_SECONDS", -1.0)

    return patch
