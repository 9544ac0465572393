"""What a request meets whose route, or whose Triton, changes between its headers and its end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from python_backends.shared.contract import ItemAnswer, Status
from tests.fakes.fake_supervisor import FakeSupervisor, a_release, running_supervisor
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.experiments.compared import predict, report_with, set_route
from tests.unit.gateway.running_gateway import Gateway, StartGateway, until
from triptych.supervisor.status import Phase


@pytest.fixture(autouse=True)
def two_releases(supervisor: FakeSupervisor, triton: FakeTriton) -> None:
    supervisor.releases = [a_release("digits", 1), a_release("digits", 2)]
    triton.answers[b"seven"] = ranked("7")


async def is_known(gateway: Gateway, alias: str) -> bool:
    answer = await gateway.client.get(f"/v1/routes/{alias}", headers=gateway.ui)
    return answer.status_code == 200


@pytest.mark.parametrize("path", ["/v1/predict/digits", "/v2/models/digits/infer"])
async def test_a_body_that_takes_long_is_answered_by_what_the_route_says_then(
    start_gateway: StartGateway, path: str
) -> None:
    gateway, has_begun, may_end = await start_gateway(), asyncio.Event(), asyncio.Event()
    await set_route(gateway, r1=1)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"sev"
        has_begun.set()
        await may_end.wait()
        yield b"en"

    headers = {**gateway.ui, "Inference-Header-Content-Length": "0"}
    asked = asyncio.create_task(gateway.client.post(path, content=slowly(), headers=headers))
    await has_begun.wait()
    await set_route(gateway, r2=1)
    may_end.set()
    answer = await asked
    assert answer.status_code == 200
    assert b'"release":"digits_r2"' in answer.content


async def test_another_arm_answers_for_one_that_no_triton_has_and_the_miss_is_a_failure(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(status_interval_seconds=0.01)
    await set_route(gateway, r1=1, r2=1)
    supervisor.releases = [a_release("digits", 1), a_release("animals", 1)]
    await until(lambda: is_known(gateway, "animals"))
    assert await predict(gateway, times=40) == [200] * 40
    told = await report_with(gateway, "routes", {"requests": 40})
    failures = {arm["release"]: arm["failures"]["count"] for arm in told["arms"]}
    assert failures["digits_r1"] == 0
    assert 5 < failures["digits_r2"] < 35


async def test_a_gateway_that_hears_of_the_route_first_hears_of_its_release_then(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.releases = [a_release("digits", 1)]
    quick = await start_gateway(status_interval_seconds=0.01)
    await set_route(quick, r1=1)
    slow = await start_gateway(status_interval_seconds=1.0)  # it looks at routes twice as often
    assert await predict(slow) == [200]
    await asyncio.sleep(0.2)  # before its first call it looks at the supervisor more often
    supervisor.releases = [a_release("digits", 1), a_release("digits", 2), a_release("new", 1)]
    await until(lambda: is_known(quick, "new"))
    await set_route(quick, r2=1)
    answer = await slow.client.post("/v1/predict/digits", content=b"seven", headers=slow.ui)
    while answer.status_code == 200 and answer.json()["release"] == "digits_r1":
        await asyncio.sleep(0.01)
        answer = await slow.client.post("/v1/predict/digits", content=b"seven", headers=slow.ui)
    assert (answer.status_code, answer.json().get("release")) == (200, "digits_r2")


async def test_an_answer_that_ended_a_process_is_a_failure_of_its_arm(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    await set_route(gateway, r1=1, r2=0)
    triton.answers[b"bad"] = ItemAnswer(Status.HARMFUL, ("",) * 10, (0.0,) * 10)
    assert await predict(gateway, b"bad") == [422]
    told = await report_with(gateway, "routes", {"requests": 1})
    assert told["arms"][0]["failures"]["count"] == 1


async def test_one_rolls_back_although_another_triton_is_in_trouble(
    supervisor: FakeSupervisor, triton: FakeTriton, start_gateway: StartGateway
) -> None:
    with running_supervisor() as second:
        second.releases = list(supervisor.releases)
        gateway = await start_gateway(
            triton_urls=(triton.address, triton.address),
            supervisor_urls=(supervisor.url, second.url),
            status_interval_seconds=0.01,
        )
        await set_route(gateway, r2=1)
        second.phase, second.is_ready = Phase.BACKING_OFF, False
        asked = second.times_asked
        await until(lambda: second.times_asked > asked + 1)
        for what in ("rollback", "promote"):
            body = {"release": "digits_r2"} if what == "promote" else {}
            path = f"/v1/routes/digits/{what}"
            answer = await gateway.client.post(path, json=body, headers=gateway.admin)
            assert answer.status_code == 200, answer.text
        # One that serves, and lacks it, is another matter: it would be asked.
        second.phase, second.is_ready = Phase.SERVING, True
        second.releases = [a_release("digits", 2)]
        refused = await gateway.client.post(
            "/v1/routes/digits/promote", json={"release": "digits_r1"}, headers=gateway.admin
        )
        assert refused.json()["error"]["code"] == "release_not_ready"


async def test_shares_stay_as_the_weights_are_while_all_arms_are_there(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway()
    await set_route(gateway, r1=1, r2=1)
    met = Counter[str]()
    for _ in range(40):
        answer = await gateway.client.post(
            "/v1/predict/digits", content=b"seven", headers=gateway.ui
        )
        met[answer.json()["release"]] += 1
    assert min(met["digits_r1"], met["digits_r2"]) > 5
