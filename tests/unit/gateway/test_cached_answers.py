"""The answer cache as callers see it: both protocols, tenants apart, refusals too."""

from __future__ import annotations

import asyncio
from typing import Any

from python_backends.shared.contract import Status
from tests.fakes.fake_supervisor import FakeSupervisor
from tests.fakes.fake_triton import FakeTriton, ranked, refused
from tests.unit.gateway.running_gateway import Gateway, StartGateway, until

_STORED = "triptych; fwd=miss; stored"
_HIT = "triptych; hit"


async def _predict(gateway: Gateway, content: bytes, key: dict[str, str]) -> Any:
    return await gateway.client.post("/v1/predict/digits", content=content, headers=key)


async def test_without_the_setting_there_is_no_cache_and_no_header(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    for _ in range(2):
        answer = await _predict(gateway, b"seven", gateway.ui)
        assert "Cache-Status" not in answer.headers
    assert len(triton.asked) == 2


async def test_the_second_answer_comes_from_memory_and_top_k_is_cut_afterwards(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7", "1", "9")
    gateway = await start_gateway(cache_bytes=1_000_000)
    first = await _predict(gateway, b"seven", gateway.ui)
    assert (first.status_code, first.headers["Cache-Status"]) == (200, _STORED)
    again = await gateway.client.post(
        "/v1/predict/digits?top_k=1", content=b"seven", headers=gateway.ui
    )
    assert again.headers["Cache-Status"] == _HIT
    assert again.json()["predictions"] == first.json()["predictions"][:1]
    assert again.json()["timing"]["triton_ms"] == 0
    assert len(triton.asked) == 1


async def test_what_one_protocol_asked_the_other_finds(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    gateway = await start_gateway(cache_bytes=1_000_000)
    await _predict(gateway, b"seven", gateway.ui)
    answer = await gateway.client.post(
        "/v2/models/digits/infer",
        content=b"seven",
        headers={**gateway.ui, "Inference-Header-Content-Length": "0"},
    )
    assert (answer.status_code, answer.headers["Cache-Status"]) == (200, _HIT)
    assert b"7" in answer.content
    assert len(triton.asked) == 1


async def test_a_refusal_is_remembered_too(triton: FakeTriton, start_gateway: StartGateway) -> None:
    triton.answers[b"noise"] = refused(Status.UNSUPPORTED_FORMAT)
    gateway = await start_gateway(cache_bytes=1_000_000)
    for _ in range(2):
        answer = await _predict(gateway, b"noise", gateway.ui)
        assert answer.status_code == 415
    assert len(triton.asked) == 1


async def test_tenants_share_nothing_unless_they_are_told_to(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    for is_shared, status in [(False, _STORED), (True, _HIT)]:
        gateway = await start_gateway(cache_bytes=1_000_000, cache_shared=is_shared)
        await _predict(gateway, b"seven", gateway.ui)
        other = await _predict(gateway, b"seven", gateway.admin)
        assert other.headers["Cache-Status"] == status


async def test_requests_at_the_same_moment_ask_once(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    triton.may_answer.clear()
    gateway = await start_gateway(cache_bytes=1_000_000)
    asking = [asyncio.create_task(_predict(gateway, b"seven", gateway.ui)) for _ in range(5)]
    await until(lambda: len(triton.asked) == 1)
    await until(lambda: gateway.has_in_flight(5))
    triton.may_answer.set()
    answers = await asyncio.gather(*asking)
    assert {answer.json()["predictions"][0]["label"] for answer in answers} == {"7"}
    assert len(triton.asked) == 1


async def test_a_release_that_was_exported_again_gets_new_answers(
    triton: FakeTriton, supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    gateway = await start_gateway(cache_bytes=1_000_000, status_interval_seconds=0.01)
    await _predict(gateway, b"seven", gateway.ui)
    triton.answers[b"seven"] = ranked("1")
    (release,) = supervisor.releases
    asked = supervisor.times_asked
    supervisor.releases = [type(release)(**{**vars(release), "fingerprint": "another"})]
    await until(lambda: supervisor.times_asked > asked + 1)
    answer = await _predict(gateway, b"seven", gateway.ui)
    assert answer.headers["Cache-Status"] == _STORED
    assert answer.json()["predictions"][0]["label"] == "1"
