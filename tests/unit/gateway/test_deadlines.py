"""How long a request may take, and who says so."""

from __future__ import annotations

import asyncio

import pytest

from gateway.data_plane.deadline import timeout_seconds
from gateway.errors import InvalidParameter
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.running_gateway import Gateway, StartGateway, until


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [(None, 10.0), ("1", 0.001), ("2500", 2.5), ("60000", 60.0), ("999999999", 60.0)],
)
def test_a_caller_may_ask_for_less_or_more_up_to_the_cap(asked: str | None, seconds: float) -> None:
    assert timeout_seconds(asked, default=10, most=60) == seconds


@pytest.mark.parametrize("asked", ["", "0", "-5", "1.5", "1e3", "soon", "٣", "1" * 10, " 5 "])
def test_what_is_no_number_of_milliseconds_is_refused(asked: str) -> None:
    with pytest.raises(InvalidParameter, match="X-Request-Timeout-Ms"):
        timeout_seconds(asked, default=10, most=60)


async def test_the_time_left_travels_to_triton(triton: FakeTriton, gateway: Gateway) -> None:
    triton.answers[b"seven"] = ranked("7")
    headers = {**gateway.ui, "X-Request-Timeout-Ms": "5000"}
    answer = await gateway.client.post("/v1/predict/digits", content=b"seven", headers=headers)
    assert answer.status_code == 200
    (request,) = triton.asked
    assert 4_000_000 < request.parameters["timeout"].int64_param <= 5_000_000


async def test_a_request_whose_time_is_up_is_answered_and_gives_its_place_back(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.may_answer.clear()
    headers = {**gateway.ui, "X-Request-Timeout-Ms": "50"}
    answer = await gateway.client.post("/v1/predict/digits", content=b"seven", headers=headers)
    assert answer.status_code == 504
    assert answer.json()["error"]["code"] == "inference_timeout"
    assert await gateway.in_flight() == 0


async def test_what_expires_while_it_waits_is_never_sent(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    triton.may_answer.clear()
    gateway = await start_gateway(max_in_flight=1)
    first = asyncio.create_task(
        gateway.client.post("/v1/predict/digits", content=b"seven", headers=gateway.ui)
    )
    await until(lambda: len(triton.asked) == 1)
    headers = {**gateway.ui, "X-Request-Timeout-Ms": "30"}
    late = await gateway.client.post("/v1/predict/digits", content=b"seven", headers=headers)
    assert late.status_code == 504
    assert "turn" in late.json()["error"]["message"]
    triton.may_answer.set()
    assert (await first).status_code == 200
    assert len(triton.asked) == 1
