"""How many requests are in flight, and that every place is given back."""

from __future__ import annotations

import asyncio

from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.running_gateway import StartGateway, until


async def test_more_requests_than_places_are_told_to_come_back_in_a_second(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    triton.may_answer.clear()
    gateway = await start_gateway(max_in_flight=2)

    async def predict() -> int:
        answer = await gateway.client.post(
            "/v1/predict/digits", content=b"seven", headers=gateway.ui
        )
        return answer.status_code

    waiting = [asyncio.create_task(predict()) for _ in range(2)]
    await until(lambda: len(triton.asked) == 2)
    assert await gateway.in_flight() == 2

    refused = await gateway.client.post("/v1/predict/digits", content=b"seven", headers=gateway.ui)
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "1"
    assert refused.json()["error"]["code"] == "overloaded"

    triton.may_answer.set()
    assert await asyncio.gather(*waiting) == [200, 200]
    assert await predict() == 200
    assert await gateway.in_flight() == 0


async def test_health_and_routes_are_answered_while_every_place_is_taken(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.may_answer.clear()
    gateway = await start_gateway(max_in_flight=1)
    waiting = asyncio.create_task(
        gateway.client.post("/v1/predict/digits", content=b"seven", headers=gateway.ui)
    )
    await until(lambda: len(triton.asked) == 1)
    for path in ("/healthz", "/readyz", "/v1/routes"):
        answer = await gateway.client.get(path, headers=gateway.ui)
        assert answer.status_code == 200
    triton.may_answer.set()
    assert (await waiting).status_code == 422


async def test_requests_that_are_refused_before_admission_take_no_place(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.may_answer.clear()
    gateway = await start_gateway(max_in_flight=1)
    waiting = asyncio.create_task(
        gateway.client.post("/v1/predict/digits", content=b"seven", headers=gateway.ui)
    )
    await until(lambda: len(triton.asked) == 1)
    for path, headers, status in [
        ("/v1/predict/digits", {}, 401),
        ("/v1/predict/letters", gateway.ui, 404),
        ("/v1/predict/digits?top_k=0", gateway.ui, 400),
        ("/v1/predict/digits", {**gateway.ui, "Content-Type": "text/plain"}, 415),
    ]:
        answer = await gateway.client.post(path, content=b"seven", headers=headers)
        assert answer.status_code == status
    triton.may_answer.set()
    await waiting
    assert await gateway.in_flight() == 0


async def test_every_way_to_fail_gives_the_place_back(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(max_in_flight=1, max_image_bytes=10, max_body_bytes=1000)
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    for headers, body, status in [
        ({}, b"", 400),
        ({}, b"more than ten", 413),
        ({}, b"noise", 422),
        (form, b"no form", 400),
        (form, b"y" * 1001, 413),
    ]:
        answer = await gateway.client.post(
            "/v1/predict/digits", content=body, headers={**gateway.ui, **headers}
        )
        assert answer.status_code == status
        assert await gateway.in_flight() == 0
    triton.answers[b"seven"] = ranked("7")
    answer = await gateway.client.post("/v1/predict/digits", content=b"seven", headers=gateway.ui)
    assert answer.status_code == 200
