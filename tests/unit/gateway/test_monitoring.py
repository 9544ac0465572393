"""GET /v1/admin/monitoring: the supervisor's samples, for administrators."""

from __future__ import annotations

import pytest

from tests.fakes.fake_supervisor import FakeSupervisor, Mood
from tests.unit.gateway.running_gateway import StartGateway

SAMPLE = {"time": "2026-01-31T12:00:00.000Z", "models": {"digits_r1": [5.0]}}


async def test_the_samples_of_each_server_are_passed_on(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.samples["samples"] = [SAMPLE]
    gateway = await start_gateway()
    answer = await gateway.client.get("/v1/admin/monitoring", headers=gateway.admin)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    (server,) = answer.json()["servers"]
    assert server == {
        "name": "triton-0",
        "interval_seconds": 5.0,
        "fields": ["requests"],
        "samples": [SAMPLE],
    }
    assert supervisor.url not in answer.text
    assert "/samples?seconds=3600" in supervisor.asked


async def test_a_shorter_time_is_passed_on_and_a_senseless_one_refused(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    path = "/v1/admin/monitoring"
    wanted = await gateway.client.get(f"{path}?seconds=60", headers=gateway.admin)
    refused = await gateway.client.get(f"{path}?seconds=3601", headers=gateway.admin)
    assert wanted.status_code == 200
    assert "/samples?seconds=60" in supervisor.asked
    assert refused.status_code == 400


@pytest.mark.parametrize("mood", [Mood.SILENT, Mood.GARBAGE])
async def test_a_supervisor_that_does_not_tell_is_a_503(
    mood: Mood, supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    supervisor.mood = mood
    answer = await gateway.client.get("/v1/admin/monitoring", headers=gateway.admin)
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "inference_unavailable"


async def test_what_is_new_can_be_asked_for_and_only_by_a_time(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    for path in ("/v1/admin/monitoring", "/v1/admin/monitoring/gateway"):
        for since, status in ((SAMPLE["time"], 200), ("yesterday", 400), ("9" * 5000, 400)):
            answer = await gateway.client.get(f"{path}?since={since}", headers=gateway.admin)
            assert answer.status_code == status
    assert f"/samples?seconds=3600&since={SAMPLE['time']}" in supervisor.asked


async def test_it_needs_the_scope_admin(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    answer = await gateway.client.get("/v1/admin/monitoring", headers=gateway.ui)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "scope_missing")
