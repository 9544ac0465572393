"""Who is let in, who waits, and that every place is given back."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.running_gateway import Gateway, StartGateway, until


def _predict(gateway: Gateway, **headers: str) -> asyncio.Task[httpx.Response]:
    return asyncio.create_task(
        gateway.client.post(
            "/v1/predict/digits", content=b"seven", headers={**gateway.ui, **headers}
        )
    )


async def _predict_from(gateway: Gateway, key: dict[str, str], **more: Any) -> httpx.Response:
    return await gateway.client.post("/v1/predict/digits", content=b"seven", headers=key, **more)


async def test_what_is_more_than_may_wait_is_told_to_come_back_and_the_rest_is_answered(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    triton.may_answer.clear()
    # Two may be in flight and six, most of a batch, may wait; one key holds two thirds of all.
    gateway = await start_gateway(max_in_flight=2)
    waiting = [_predict(gateway) for _ in range(6)]
    await until(lambda: gateway.has_in_flight(6))

    of_this_key = await _predict_from(gateway, gateway.ui)
    assert of_this_key.status_code == 429
    assert of_this_key.json()["error"]["code"] == "key_overloaded"
    assert of_this_key.headers["Retry-After"] == "1"
    others = [asyncio.create_task(_predict_from(gateway, gateway.admin)) for _ in range(2)]
    await until(lambda: gateway.has_in_flight(8))
    more = await _predict_from(gateway, gateway.admin)
    assert more.status_code == 503
    assert more.headers["Retry-After"] == "1"
    assert more.json()["error"]["code"] == "overloaded"

    triton.may_answer.set()
    answers = await asyncio.gather(*waiting, *others)
    assert [answer.status_code for answer in answers] == [200] * 8
    assert await gateway.in_flight() == 0


async def test_no_more_calls_than_allowed_are_made_at_once_and_the_others_follow(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    gateway = await start_gateway(max_in_flight=2)
    await _predict(gateway)  # after a first one or three, it may be more than one at a time
    await _predict(gateway)
    await _predict(gateway)
    triton.may_answer.clear()
    waiting = [_predict(gateway) for _ in range(5)]
    await until(lambda: gateway.has_in_flight(5))
    await until(lambda: len(triton.asked) == 3 + 2)
    triton.may_answer.set()
    assert [(await one).status_code for one in waiting] == [200] * 5
    assert len(triton.asked) == 3 + 5


async def test_a_body_for_which_there_is_no_room_is_refused_from_its_headers(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    triton.may_answer.clear()
    gateway = await start_gateway(max_admitted_bytes=8)
    waiting = _predict(gateway)
    await until(lambda: len(triton.asked) == 1)
    refused = await _predict_from(gateway, gateway.admin)
    assert refused.status_code == 503
    assert refused.json()["error"]["code"] == "overloaded"
    assert "bytes" in refused.json()["error"]["message"]
    triton.may_answer.set()
    assert (await waiting).status_code == 200
    assert (await _predict_from(gateway, gateway.admin)).status_code == 200


async def test_a_body_of_unknown_length_is_counted_while_it_comes(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(max_admitted_bytes=8)

    async def pieces() -> Any:
        for _ in range(9):
            yield b"x"

    answer = await gateway.client.post("/v1/predict/digits", content=pieces(), headers=gateway.ui)
    assert answer.status_code == 429
    assert triton.asked == []
    assert await gateway.in_flight() == 0


async def test_batch_requests_may_wait_where_interactive_ones_are_refused(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    triton.may_answer.clear()
    gateway = await start_gateway(max_in_flight=2)
    waiting = [_predict(gateway, **{"X-Priority": "batch"}) for _ in range(30)]
    await until(lambda: gateway.has_in_flight(30))
    interactive = _predict(gateway)
    await until(lambda: gateway.has_in_flight(31))
    triton.may_answer.set()
    assert (await interactive).status_code == 200
    assert [(await one).status_code for one in waiting] == [200] * 30


async def test_a_priority_that_is_none_is_refused(gateway: Gateway) -> None:
    answer = await _predict(gateway, **{"X-Priority": "highest"})
    assert answer.status_code == 400
    assert "interactive or batch" in answer.json()["error"]["message"]


async def test_health_and_routes_are_answered_while_every_place_is_taken(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.may_answer.clear()
    gateway = await start_gateway(max_admitted=1)
    waiting = _predict(gateway)
    await until(lambda: len(triton.asked) == 1)
    for path in ("/healthz", "/readyz", "/v1/routes"):
        answer = await gateway.client.get(path, headers=gateway.ui)
        assert answer.status_code == 200
    triton.may_answer.set()
    assert (await waiting).status_code == 422


async def test_requests_that_are_wrong_in_themselves_take_no_place(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.may_answer.clear()
    gateway = await start_gateway(max_admitted=1)
    waiting = _predict(gateway)
    await until(lambda: len(triton.asked) == 1)
    for path, headers, status in [
        ("/v1/predict/digits", {}, 401),
        ("/v1/predict/letters", gateway.ui, 404),
        ("/v1/predict/digits?top_k=0", gateway.ui, 400),
        ("/v1/predict/digits", {**gateway.ui, "Content-Type": "text/plain"}, 415),
        ("/v1/predict/digits", gateway.ui, 503),
    ]:
        answer = await gateway.client.post(path, content=b"seven", headers=headers)
        assert answer.status_code == status
    triton.may_answer.set()
    await waiting
    assert await gateway.in_flight() == 0


async def test_every_way_to_fail_gives_the_place_back(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(max_admitted=1, max_image_bytes=10, max_body_bytes=1000)
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
    assert (await _predict(gateway)).status_code == 200


async def test_a_client_that_goes_away_while_it_waits_leaves_the_line_and_is_never_sent(
    triton: FakeTriton, serve_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    triton.may_answer.clear()
    gateway = await serve_gateway(max_in_flight=1)
    first = _predict(gateway)
    await until(lambda: len(triton.asked) == 1)
    impatient = _predict(gateway)
    await until(lambda: gateway.has_in_flight(2))
    impatient.cancel()
    await until(lambda: gateway.has_in_flight(1))
    triton.may_answer.set()
    assert (await first).status_code == 200
    assert (await _predict(gateway)).status_code == 200
    assert len(triton.asked) == 2


async def test_bodies_that_trickle_in_keep_nobody_from_being_answered(
    triton: FakeTriton, serve_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    gateway = await serve_gateway(max_in_flight=2)
    end = asyncio.Event()

    async def slowly() -> Any:
        yield b"sev"
        await end.wait()
        yield b"en"

    slow = [
        asyncio.create_task(
            gateway.client.post("/v1/predict/digits", content=slowly(), headers=gateway.ui)
        )
        for _ in range(6)  # all that this key may have in line
    ]
    await until(lambda: gateway.has_in_flight(6))
    await until(lambda: _is_answered(gateway))
    end.set()
    assert [(await one).status_code for one in slow] == [200] * 6
    assert await gateway.in_flight() == 0


async def _is_answered(gateway: Gateway) -> bool:
    return (await _predict_from(gateway, gateway.ui)).status_code == 200
