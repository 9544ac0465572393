"""Which of two servers is asked, and what a failing one costs: no good request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import grpc
import pytest

from gateway.settings import GatewaySettings
from python_backends.shared.contract import decode_bytes_tensor
from tests.fakes.fake_supervisor import Mood
from tests.fakes.fake_triton import InferRequest, InferResponse, ranked
from tests.unit.gateway.running_gateway import until
from tests.unit.gateway.servers.two_servers import FakeServer, Pair, running_pair
from triptych.supervisor.status import Phase


@pytest.fixture
async def pair(settings: GatewaySettings) -> AsyncIterator[Pair]:
    async with running_pair(settings) as running:
        yield running


def _spoil(response: InferResponse) -> None:
    response.Clear()


async def test_two_servers_share_the_work(pair: Pair) -> None:
    counts = await pair.asked(times=40)
    assert sum(counts) == 40
    assert min(counts) > 5


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.NOT_FOUND])
async def test_a_server_that_refuses_costs_no_request_and_is_left_alone(
    pair: Pair, code: grpc.StatusCode
) -> None:
    pair.servers[0].triton.refusal = (code, "bye")
    (release,) = pair.servers[0].supervisor.releases
    pair.servers[0].supervisor.releases = [replace(release, last_canary="the last one")]
    await asyncio.sleep(0.2)  # its canary does not change from here on
    refused, answered = await pair.asked(times=30)
    assert refused == 1
    assert answered == 30


async def test_a_server_that_is_back_gets_its_share_again(pair: Pair) -> None:
    pair.servers[0].triton.refusal = (grpc.StatusCode.UNAVAILABLE, "bye")
    await pair.asked()
    pair.servers[0].triton.refusal = None

    async def is_shared() -> bool:
        return min(await pair.asked(times=10)) > 1

    await until(is_shared)


async def test_garbage_from_one_is_answered_by_the_other(pair: Pair) -> None:
    pair.servers[1].triton.spoil = _spoil
    assert (await pair.asked())[0] == 20


async def test_a_draining_server_gets_nothing_new_unless_it_is_the_last(pair: Pair) -> None:
    pair.servers[0].supervisor.phase = Phase.DRAINING
    await asyncio.sleep(0.2)
    assert (await pair.asked())[0] == 0
    pair.servers[1].supervisor.phase = Phase.RESTARTING
    await asyncio.sleep(0.2)
    assert await pair.asked() == [20, 0]


async def test_a_release_that_fails_on_one_server_is_asked_for_on_the_other(pair: Pair) -> None:
    pair.servers[1].lose_a_stub()
    await asyncio.sleep(0.2)
    assert await pair.asked() == [20, 0]
    pair.servers[1].heal()

    async def is_shared() -> bool:
        return min(await pair.asked(times=10)) > 1

    await until(is_shared)


async def test_with_nobody_ready_a_request_waits_for_the_one_that_comes_back(pair: Pair) -> None:
    for server in pair.servers:
        server.supervisor.phase = Phase.RESTARTING
    await asyncio.sleep(0.2)
    waiting = asyncio.create_task(pair.ask())
    await asyncio.sleep(0.2)
    assert not waiting.done()
    pair.servers[1].supervisor.phase = Phase.SERVING
    assert (await waiting).status_code == 200


async def test_nobody_waits_for_servers_that_are_not_expected_back(pair: Pair) -> None:
    for server in pair.servers:
        server.supervisor.phase = Phase.BACKING_OFF
    await asyncio.sleep(0.2)
    async with asyncio.timeout(1):
        answer = await pair.ask()
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "inference_unavailable"


async def test_readiness_is_that_of_the_best_and_reasons_name_the_servers(pair: Pair) -> None:
    for server in pair.servers:
        server.supervisor.is_ready = False
    pair.servers[0].supervisor.reason = "it is being healed"
    pair.servers[1].supervisor.mood = Mood.HONEST

    async def is_ready(status: int) -> bool:
        return (await pair.gateway.client.get("/readyz")).status_code == status

    await until(lambda: is_ready(503))
    reason = (await pair.gateway.client.get("/readyz")).json()["reason"]
    assert reason == "triton-0: it is being healed; triton-1: None"
    pair.servers[1].supervisor.is_ready = True
    await until(lambda: is_ready(200))


async def test_statistics_are_added_up(pair: Pair) -> None:
    pair.servers[0].triton.inferences_counted = 3
    pair.servers[1].triton.inferences_counted = 4
    answer = await pair.gateway.client.get("/v2/models/digits/stats", headers=pair.gateway.ui)
    (counted,) = answer.json()["model_stats"]
    assert counted["inference_count"] == 7
    assert counted["inference_stats"]["queue"] == {"count": 7, "ns": 700}
    assert [batch["compute_infer"]["count"] for batch in counted["batch_stats"]] == [7]


async def test_samples_of_both_are_told(pair: Pair) -> None:
    answer = await pair.gateway.client.get("/v1/admin/monitoring", headers=pair.gateway.admin)
    assert [it["name"] for it in answer.json()["servers"]] == ["triton-0", "triton-1"]


async def test_the_metrics_name_the_servers(pair: Pair) -> None:
    pair.servers[0].triton.refusal = (grpc.StatusCode.UNAVAILABLE, "bye")
    await pair.asked()
    answer = await pair.gateway.client.get("/metrics", headers=pair.gateway.admin)
    assert 'triptych_gateway_server_ready{server="triton-1"} 1.0' in answer.text
    assert 'ejections_total{cause="unavailable",server="triton-0"}' in answer.text


async def test_a_passed_deadline_is_not_tried_again(pair: Pair) -> None:
    for server in pair.servers:
        server.triton.refusal = (grpc.StatusCode.DEADLINE_EXCEEDED, "late")
    assert (await pair.ask()).status_code == 504
    assert sum(server.inferences for server in pair.servers) == 1


async def test_what_fails_without_a_death_is_tried_once_on_the_other(pair: Pair) -> None:
    pair.servers[0].triton.refusal = (grpc.StatusCode.INTERNAL, "no memory")
    for server in pair.servers:
        server.triton.answers[b"eight"] = ranked("8")
    assert sum(await pair.asked(item=b"eight", times=6)) >= 6


async def test_a_request_that_fails_for_one_of_its_callers_costs_the_others_nothing(
    settings: GatewaySettings,
) -> None:
    async with running_pair(settings) as pair:
        lone, away = pair.servers
        away.supervisor.releases = []
        await until(lambda: _serves_alone(pair))
        lone.triton.judge = lambda request: (
            (grpc.StatusCode.INTERNAL, "not that one") if b"poison" in _bytes(request) else None
        )
        lone.triton.may_answer.clear()
        lone.triton.asked.clear()
        items = [b"seven"] * 4 + [b"poison"] + [b"seven"] * 3
        answers = [asyncio.create_task(pair.ask(item)) for item in items]
        await until(lambda: _are_asked(lone, 3))
        lone.triton.may_answer.set()
        statuses = [answer.status_code for answer in await asyncio.gather(*answers)]

    assert statuses == [200] * 4 + [502] + [200] * 3
    failed = [_items(it) for it in lone.triton.asked if b"poison" in _bytes(it)]
    assert len(failed[0]) > 1
    assert failed[1:] == [[b"poison"]]


async def _serves_alone(pair: Pair) -> bool:
    return sum((await pair.asked(times=4))[1:]) == 0


async def _are_asked(server: FakeServer, requests: int) -> bool:
    return len(server.triton.asked) >= requests


def _bytes(request: InferRequest) -> bytes:
    return b"".join(request.raw_input_contents)


def _items(request: InferRequest) -> list[bytes]:
    return decode_bytes_tensor(request.raw_input_contents[0])
