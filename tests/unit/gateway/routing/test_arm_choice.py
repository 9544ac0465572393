"""Which release a request meets: weights, stickiness, names of releases, and what answers tell."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.fake_supervisor import FakeSupervisor, a_release
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.running_gateway import Gateway, StartGateway, until
from triptych.routing import Arm, Route, choose_arm


@pytest.fixture(autouse=True)
def two_releases(supervisor: FakeSupervisor, triton: FakeTriton) -> None:
    first = replace(a_release("digits", 1), model_sha256="ab" * 32, device="cpu", semver="1.4.0")
    supervisor.releases = [first, a_release("digits", 2)]
    triton.answers[b"seven"] = ranked("7")


async def set_route(gateway: Gateway, sticky: str = "header", **weights: int) -> None:
    arms = [{"release": f"digits_{it}", "weight": weight} for it, weight in weights.items()]
    headers = {**gateway.admin, "If-Match": "*"}
    body = {"arms": arms, "sticky": sticky}
    answer = await gateway.client.put("/v1/routes/digits", json=body, headers=headers)
    assert answer.status_code == 200, answer.text


async def predict(gateway: Gateway, name: str = "digits", **headers: str) -> dict[str, Any]:
    answer = await gateway.client.post(
        f"/v1/predict/{name}", content=b"seven", headers={**gateway.admin, **headers}
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_same_sticky_key_meets_the_arm_that_direct_clients_compute(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway()
    await set_route(gateway, r1=50, r2=50)
    route = Route("digits", (Arm("digits_r1", 50), Arm("digits_r2", 50)))
    met = Counter[str]()
    for number in range(20):
        key = f"user-{number}"
        for _ in range(2):
            release = (await predict(gateway, **{"X-Sticky-Key": key}))["release"]
            assert release == choose_arm(route, key).release
            met[release] += 1
    assert len(met) == 2


async def test_without_a_key_requests_are_drawn(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    for sticky in ("header", "none"):
        await set_route(gateway, sticky, r1=50, r2=50)
        met = {(await predict(gateway))["release"] for _ in range(40)}
        assert met == {"digits_r1", "digits_r2"}  # by chance it fails once in 10**11 times


async def test_a_route_that_ignores_the_header_draws_although_it_is_there(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway()
    await set_route(gateway, "none", r1=50, r2=50)
    met = {(await predict(gateway, **{"X-Sticky-Key": "me"}))["release"] for _ in range(40)}
    assert len(met) == 2


async def test_by_api_key_one_key_meets_one_arm(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    await set_route(gateway, "api_key", r1=50, r2=50)
    assert len({(await predict(gateway))["release"] for _ in range(20)}) == 1


@pytest.mark.parametrize("keys", [[""], ["x" * 257], ["one", "two"], ["Zoë"]])
async def test_a_sticky_key_that_makes_no_sense_is_refused(
    start_gateway: StartGateway, keys: list[str]
) -> None:
    gateway = await start_gateway()
    sent = [(b"X-Sticky-Key", key.encode()) for key in keys]
    headers = [*((name.encode(), key.encode()) for name, key in gateway.admin.items()), *sent]
    answer = await gateway.client.post("/v1/predict/digits", content=b"seven", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_parameter")


async def test_answers_say_what_answered_and_how_the_request_came_there(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway()
    body = await predict(gateway)
    assert body["route"] == {"arm": "digits_r1", "revision": 0}
    told = {"model_sha256": "abababababab", "device": "cpu", "semver": "1.4.0"}
    assert body["provenance"] == told
    await set_route(gateway, r2=1)
    after = await predict(gateway)
    assert (after["release"], after["route"]["revision"]) == ("digits_r2", 2)
    named = await predict(gateway, "digits_r1")
    assert named["route"] == {"arm": "digits_r1", "revision": None}


async def test_answers_say_whether_a_cache_knew_them(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(cache_bytes=1_000_000)
    told = [(await predict(gateway))["provenance"]["cache"] for _ in range(2)]
    assert told == ["miss", "hit"]


async def test_the_open_inference_protocol_tells_the_arm(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    await set_route(gateway, r2=1)
    answer = await gateway.client.post(
        "/v2/models/digits/infer",
        content=b"seven",
        headers={**gateway.admin, "Inference-Header-Content-Length": "0"},
    )
    assert answer.status_code == 200
    length = int(answer.headers["Inference-Header-Content-Length"])
    assert b'"parameters":{"release":"digits_r2","arm":"digits_r2"}' in answer.content[:length]


async def test_an_arm_that_no_triton_has_is_unavailable_and_others_are_not(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(status_interval_seconds=0.01)
    await set_route(gateway, r2=1)
    supervisor.releases = [a_release("digits", 1), a_release("animals", 1)]

    async def animals_are_known() -> bool:
        answer = await gateway.client.get("/v1/routes/animals", headers=gateway.ui)
        return answer.status_code == 200

    await until(animals_are_known)
    answer = await gateway.client.post("/v1/predict/digits", content=b"seven", headers=gateway.ui)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "inference_unavailable")
    listed = await gateway.client.get("/v1/routes", headers=gateway.ui)
    assert [route["alias"] for route in listed.json()["routes"]] == ["animals"]
