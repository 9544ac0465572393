"""/healthz and /readyz, and what the gateway remembers of its supervisor."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx

from gateway.data_plane.servers.server_health import ServerHealth
from gateway.data_plane.servers.supervisor_word import Directory
from tests.fakes.fake_supervisor import SINCE, FakeSupervisor, Mood, a_release
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.running_gateway import Gateway, StartGateway, until


async def test_the_process_lives_whatever_its_neighbours_do(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.mood = Mood.SILENT
    gateway = await start_gateway(triton_urls=("127.0.0.1:9",))
    answer = await gateway.client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


async def test_a_ready_supervisor_makes_a_ready_gateway(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    answer = await gateway.client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "since": SINCE, "reason": None}


async def test_a_supervisor_that_is_not_ready_says_since_when_and_why(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.is_ready = False
    supervisor.reason = "digits_r1: golden input 3 got the label 8"
    gateway = await start_gateway()
    answer = await gateway.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "since": SINCE, "reason": supervisor.reason}


async def test_readiness_follows_the_supervisor_both_ways(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(status_interval_seconds=0.01)
    for is_ready, status in [(False, 503), (True, 200)]:
        supervisor.is_ready = is_ready
        await until(lambda status=status: _readiness_is(gateway, status))


async def test_a_supervisor_that_never_spoke_is_silent_since_the_start(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.mood = Mood.SILENT
    gateway = await start_gateway()
    answer = await gateway.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["ready"] is False
    assert answer.json()["reason"] == "Triton's supervisor does not answer"
    age = datetime.now(UTC) - datetime.fromisoformat(answer.json()["since"])
    assert timedelta() <= age < timedelta(seconds=30)


async def test_what_is_no_status_counts_as_silence() -> None:
    no_limits = (
        b'{"task": "text-classification", "promotable": true, "max_batch_size": 0, "top_k": 0}'
    )
    for garbage in (
        b"",
        b"<html>I am a teapot</html>",
        b"\xff\xfe",
        b'{"ready": true}',
        b'{"ready": true, "since": "", "reason": null, "releases": ["digits_r1"]}',
        b'{"ready": true, "since": "", "reason": null, "releases": {"digits_r1": 7}}',
        b'{"ready": true, "since": "", "reason": null, "releases": {"x_r1": %s}}' % no_limits,
    ):
        transport = httpx.MockTransport(lambda _, body=garbage: httpx.Response(200, content=body))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            health = ServerHealth(client, max_age_seconds=5)
            await health.refresh()
        assert not health.verdict().is_ready, garbage


async def test_a_supervisor_that_falls_silent_takes_readiness_but_not_the_routes(
    triton: FakeTriton, supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    gateway = await start_gateway(status_interval_seconds=0.01, status_max_age_seconds=0.5)
    await until(lambda: _readiness_is(gateway, 200))
    supervisor.mood = Mood.SILENT
    await until(lambda: _readiness_is(gateway, 503))
    answer = await gateway.client.post("/v1/predict/digits", content=b"seven", headers=gateway.ui)
    assert answer.status_code == 200
    supervisor.mood = Mood.HONEST
    await until(lambda: _readiness_is(gateway, 200))


async def test_a_word_is_good_until_it_is_too_old_and_silence_counts_from_the_last_word() -> None:
    supervisor, now = FakeSupervisor(), 1000.0
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=supervisor.status()))
    async with httpx.AsyncClient(transport=transport, base_url="http://supervisor") as client:
        health = ServerHealth(client, max_age_seconds=5, clock=lambda: now)
        before = datetime.now(UTC) - timedelta(milliseconds=1)
        await health.refresh()
        heard_at = datetime.now(UTC)
        supervisor.mood = Mood.GARBAGE
        now += 5.0
        await health.refresh()
        assert health.verdict().is_ready
        now += 0.1
        verdict = health.verdict()
    assert not verdict.is_ready
    assert verdict.reason == "Triton's supervisor does not answer"
    assert before <= datetime.fromisoformat(verdict.since) <= heard_at


async def test_an_older_supervisor_tells_no_fingerprint_and_is_understood() -> None:
    for said, fingerprint in [({"fingerprint": "abc"}, "abc"), ({}, "")]:
        release = {
            "task": "text-classification",
            "promotable": True,
            "max_batch_size": 1,
            "top_k": 1,
            **said,
        }
        status = {"ready": True, "since": "", "reason": None, "releases": {"x_r1": release}}
        transport = httpx.MockTransport(lambda _, body=status: httpx.Response(200, json=body))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            health = ServerHealth(client, max_age_seconds=5)
            await health.refresh()
        assert health.word
        assert Directory.of([health.word]).releases["x_r1"].fingerprint == fingerprint


async def test_a_release_whose_name_is_none_is_passed_over(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.releases += [a_release("digits", 0), a_release("No Name", 1)]
    gateway = await start_gateway()
    answer = await gateway.client.get("/v1/routes", headers=gateway.ui)
    assert [route["alias"] for route in answer.json()["routes"]] == ["digits"]


async def _readiness_is(gateway: Gateway, status: int) -> bool:
    return (await gateway.client.get("/readyz")).status_code == status
