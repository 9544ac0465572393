"""What a key's own limits do to its requests: rate, bytes, concurrency, priority."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx

from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.running_gateway import Gateway, StartGateway, until


async def _key(gateway: Gateway, **terms: Any) -> dict[str, str]:
    made = await gateway.client.post(
        "/v1/admin/keys", json={"name": "limited", **terms}, headers=gateway.admin
    )
    assert made.status_code == 201, made.text
    return {"X-API-Key": made.json()["key"]}


async def _predict(gateway: Gateway, key: dict[str, str], **more: Any) -> httpx.Response:
    return await gateway.client.post(
        "/v1/predict/digits", **{"content": b"seven", "headers": key, **more}
    )


async def test_requests_beyond_the_minutes_number_are_told_when_to_come_back(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    gateway = await start_gateway()
    key = await _key(gateway, requests_per_minute=2)
    answers = [await _predict(gateway, key) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["error"]["code"] == "rate_limited"
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
    protocol = await gateway.client.post(
        "/v2/models/digits/infer",
        content=b"seven",
        headers={**key, "Inference-Header-Content-Length": "0"},
    )
    assert (protocol.status_code, protocol.headers["X-Error-Code"]) == (429, "rate_limited")
    assert len(triton.asked) == 2
    assert (await _predict(gateway, gateway.ui)).status_code == 200


async def test_bytes_are_charged_from_the_header_or_after_reading_where_there_is_none(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    gateway = await start_gateway()
    key = await _key(gateway, bytes_per_minute=12)

    async def undeclared() -> AsyncIterator[bytes]:
        yield b"sev"
        yield b"en"

    assert (await _predict(gateway, key, content=undeclared())).status_code == 200
    assert (await _predict(gateway, key)).status_code == 200
    for body in (b"seven", undeclared()):
        answer = await _predict(gateway, key, content=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limited")
    assert len(triton.asked) == 2
    assert await gateway.in_flight() == 0


async def test_a_key_has_no_more_requests_at_work_than_it_may(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    triton.may_answer.clear()
    gateway = await start_gateway()
    key = await _key(gateway, max_concurrency=1)
    first = asyncio.create_task(_predict(gateway, key))
    await until(lambda: len(triton.asked) == 1)
    second = await _predict(gateway, key)
    assert (second.status_code, second.json()["error"]["code"]) == (429, "key_overloaded")
    assert second.headers["Retry-After"] == "1"
    triton.may_answer.set()
    assert (await first).status_code == 200
    assert (await _predict(gateway, key)).status_code == 200


async def test_a_batch_key_is_never_interactive(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    triton.may_answer.clear()
    gateway = await start_gateway(max_in_flight=2)
    key = await _key(gateway, priority="batch")
    asked = {**key, "X-Priority": "interactive"}
    waiting = [asyncio.create_task(_predict(gateway, asked)) for _ in range(30)]
    # More than a line of interactive requests has room for.
    await until(lambda: gateway.has_in_flight(30))
    triton.may_answer.set()
    assert {(await one).status_code for one in waiting} == {200}
