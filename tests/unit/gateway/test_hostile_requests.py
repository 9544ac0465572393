"""Findings of the hostile review: a whole gateway before a fake Triton. Each fails on cac1d2b."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from python_backends.shared.contract import Task
from tests.fakes.fake_supervisor import FakeSupervisor, a_release
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.raw_connection import connected
from tests.unit.gateway.running_gateway import Gateway, StartGateway, until

MIB = 1024 * 1024


async def _key(gateway: Gateway, name: str, **terms: Any) -> dict[str, str]:
    made = await gateway.client.post(
        "/v1/admin/keys", headers=gateway.admin, json={"name": name, **terms}
    )
    return {"X-API-Key": made.json()["key"]}


def _head(key: dict[str, str], length: int, kind: str = "multipart/form-data; boundary=b") -> bytes:
    return (
        f"POST /v1/predict/digits HTTP/1.1\r\nHost: g\r\nX-API-Key: {key['X-API-Key']}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


async def test_three_declarations_of_one_key_do_not_lock_the_others_out(
    triton: FakeTriton, serve_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    gateway = await serve_gateway()
    greedy = await _key(gateway, "greedy")
    async with connected(gateway) as a, connected(gateway) as b, connected(gateway) as c:
        for connection, mib in ((a, 85), (b, 85), (c, 86)):
            connection.send(_head(greedy, mib * MIB))
        await asyncio.sleep(0.3)
        answer = await gateway.client.post(
            "/v1/predict/digits", content=b"seven", headers=gateway.ui
        )
        assert answer.status_code == 200, answer.text


async def test_bodies_that_trickle_do_not_fill_the_line_before_a_release(
    triton: FakeTriton, serve_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    triton.may_answer.clear()
    gateway = await serve_gateway()
    greedy = await _key(gateway, "greedy")
    reader_writers = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(60)]
    try:
        for number, (_, writer) in enumerate(reader_writers):
            writer.write(_head(greedy, 5, "image/jpeg") + b"seve")
            if number % 5 == 4:
                await asyncio.sleep(0.3)
        for _, writer in reader_writers:
            writer.write(b"n")
        await asyncio.sleep(0.3)
        task = asyncio.create_task(
            gateway.client.post("/v1/predict/digits", content=b"seven", headers=gateway.ui)
        )
        await asyncio.sleep(0.2)
        triton.may_answer.set()
        assert (await task).status_code == 200, task.result().text
    finally:
        triton.may_answer.set()
        for _, writer in reader_writers:
            writer.close()


async def test_a_follower_does_not_get_the_deadline_of_the_one_it_joined(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    triton.may_answer.clear()
    gateway = await start_gateway(cache_bytes=MIB)
    hasty = {**gateway.ui, "X-Request-Timeout-Ms": "200"}
    post = gateway.client.post
    leader = asyncio.create_task(post("/v1/predict/digits", content=b"seven", headers=hasty))
    await until(lambda: len(triton.asked) == 1)
    follower = asyncio.create_task(post("/v1/predict/digits", content=b"seven", headers=gateway.ui))
    assert (await leader).status_code == 504
    triton.may_answer.set()
    assert (await follower).status_code == 200


async def test_a_follower_keeps_its_own_deadline(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    triton.may_answer.clear()
    gateway = await start_gateway(cache_bytes=MIB)
    post = gateway.client.post
    leader = asyncio.create_task(post("/v1/predict/digits", content=b"seven", headers=gateway.ui))
    await until(lambda: len(triton.asked) == 1)
    hasty = {**gateway.ui, "X-Request-Timeout-Ms": "100"}
    began = time.monotonic()
    follower = asyncio.create_task(post("/v1/predict/digits", content=b"seven", headers=hasty))
    asyncio.get_running_loop().call_later(2, triton.may_answer.set)
    await follower
    took = time.monotonic() - began
    await leader
    assert took < 1


async def test_clients_that_leave_do_not_make_more_calls_than_may_be_in_flight(
    triton: FakeTriton, serve_gateway: StartGateway
) -> None:
    """Triton works on: an ensemble is not cancelled. The fake notes every call that it was sent."""
    triton.may_answer.clear()
    gateway = await serve_gateway(max_in_flight=2)
    for _ in range(30):
        async with connected(gateway) as client:
            asked = len(triton.asked)
            client.send(_head(gateway.ui, 5, "image/jpeg") + b"seven")
            try:
                await until(lambda: len(triton.asked) > asked, seconds=0.5)  # noqa: B023 - awaited within the same turn
            except TimeoutError:
                break
    assert len(triton.asked) <= 4
    triton.may_answer.set()


async def test_a_deadline_of_a_moment_does_not_make_more_calls_than_may_be_in_flight(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.may_answer.clear()
    gateway = await start_gateway(max_in_flight=2)
    hasty = {**gateway.ui, "X-Request-Timeout-Ms": "20"}
    for _ in range(30):
        await gateway.client.post("/v1/predict/digits", content=b"seven", headers=hasty)
    assert len(triton.asked) <= 4
    triton.may_answer.set()


async def test_a_body_is_not_read_beyond_the_time_that_its_caller_gave_the_request(
    serve_gateway: StartGateway,
) -> None:
    gateway = await serve_gateway()

    async def trickling() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x"
            await asyncio.sleep(0.1)

    headers = {**gateway.ui, "X-Request-Timeout-Ms": "200"}
    began = time.monotonic()
    answer = await gateway.client.post("/v1/predict/digits", content=trickling(), headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (408, "body_timeout")
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/v1/predict/topics", "application/json", b'{"text":[' + b"1," * 4_000_000 + b"1]}"),
        (
            "/v1/predict/topics",
            "application/json",
            b"{" + b",".join(b'"%d":1' % i for i in range(700_000)) + b"}",
        ),
        ("/v2/models/topics/infer", "application/json", b"[" + b"," * 66 + b"]" * 8_000_000),
        ("/v2/models/topics/infer", "application/json", b"[" + b"," * 66 + b'""' * 4_000_000),
    ],
)
@pytest.mark.usefixtures("triton")
async def test_no_json_keeps_the_others_waiting(
    supervisor: FakeSupervisor, start_gateway: StartGateway, path: str, kind: str, body: bytes
) -> None:
    supervisor.releases.append(a_release("topics", 1, task=Task.TEXT_CLASSIFICATION))
    gateway = await start_gateway()
    stalls = []

    async def watch() -> None:
        while True:
            before = time.thread_time()  # of the event loop, however busy the machine is
            await asyncio.sleep(0.001)
            stalls.append(time.thread_time() - before)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0.01)
    answer = await gateway.client.post(
        path, content=body, headers={**gateway.ui, "Content-Type": kind}
    )
    await asyncio.sleep(0.01)
    watching.cancel()
    assert answer.status_code == 400
    assert max(stalls) < 0.2, f"{max(stalls) * 1000:.0f} ms"


async def test_a_text_that_no_json_could_hold_does_not_reach_triton(
    triton: FakeTriton, supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.releases.append(a_release("topics", 1, task=Task.TEXT_CLASSIFICATION))
    gateway = await start_gateway()
    headers = {**gateway.ui, "Inference-Header-Content-Length": "0"}
    answer = await gateway.client.post(
        "/v2/models/topics/infer", content=b"x" * 20 * MIB, headers=headers
    )
    assert answer.status_code == 200
    assert answer.content.endswith(b"\x03")  # STATUS: too large
    assert not triton.asked
