"""Orders that not every Triton obeys leave all of them on the engine that they had."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from gateway.settings import GatewaySettings
from tests.fakes.fake_supervisor import FakeSupervisor, a_release
from tests.unit.gateway.running_gateway import until
from tests.unit.gateway.servers.two_servers import Pair, running_pair

LOAD, UNLOAD = "/releases/digits_r2/load", "/releases/digits_r2/unload"
REFUSAL = (409, "not here")


@pytest.fixture
async def pair(settings: GatewaySettings) -> AsyncIterator[Pair]:
    """Both have digits_r2 on OpenVINO, which is not what that release names."""
    async with running_pair(settings) as pair:
        for server in pair.servers:
            second = replace(a_release("digits", 2), engine="openvino")
            server.supervisor.releases = [a_release("digits", 1), second]
        yield pair


def engine_of(supervisor: FakeSupervisor) -> list[str]:
    return [it.engine for it in supervisor.releases if it.number == 2]


async def order(pair: Pair, what: str, **body: str) -> int:
    path = f"/v1/admin/releases/digits_r2/{what}"
    answer = await pair.gateway.client.post(path, json=body, headers=pair.gateway.admin)
    return answer.status_code


async def test_an_engine_that_one_refuses_is_left_by_the_other_too(pair: Pair) -> None:
    obeys, refuses = (it.supervisor for it in pair.servers)
    refuses.refusals[LOAD] = REFUSAL

    assert await order(pair, "load", engine="openvino-bf16") == 409

    assert obeys.orders == [LOAD, LOAD]
    assert engine_of(obeys) == engine_of(refuses) == ["openvino"]


async def test_a_refused_unload_leaves_the_other_on_its_engine(pair: Pair) -> None:
    obeys, refuses = (it.supervisor for it in pair.servers)
    refuses.refusals[UNLOAD] = REFUSAL

    assert await order(pair, "unload") == 409

    assert obeys.orders == [UNLOAD, LOAD]
    assert engine_of(obeys) == engine_of(refuses) == ["openvino"]


async def test_what_somebody_loads_while_it_is_unloaded_stays_on_its_engine(pair: Pair) -> None:
    supervisors = [it.supervisor for it in pair.servers]
    may_unload = threading.Event()
    for it in supervisors:
        it.held[UNLOAD] = may_unload
    unloading = asyncio.create_task(order(pair, "unload"))
    await until(lambda: all(it.orders == [UNLOAD] for it in supervisors))
    assert await order(pair, "load") == 200
    may_unload.set()

    assert await unloading == 409

    assert [engine_of(it) for it in supervisors] == [["openvino"], ["openvino"]]
