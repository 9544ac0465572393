"""POST /v2/models/{model}/infer: what a right request gets when something else is wrong."""

from __future__ import annotations

import struct
from typing import Any

import grpc
import pytest

from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.open_inference.infer_bodies import as_json
from tests.unit.gateway.running_gateway import Gateway, StartGateway

INFER = "/v2/models/digits/infer"
SEVEN = b"\xff\xd8 seven"


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        (grpc.StatusCode.UNAVAILABLE, 503, "inference_unavailable"),
        (grpc.StatusCode.INTERNAL, 502, "inference_failed"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, 504, "inference_timeout"),
    ],
)
async def test_what_triton_fails_at_is_told_in_the_protocols_body(
    code: grpc.StatusCode, status: int, error: str, triton: FakeTriton, gateway: Gateway
) -> None:
    triton.refusal = (code, "/secret/path")
    answer = await gateway.client.post(INFER, json=as_json(SEVEN), headers=gateway.ui)
    assert (answer.status_code, answer.headers["X-Error-Code"]) == (status, error)
    assert isinstance(answer.json()["error"], str)
    assert "secret" not in answer.text


async def test_an_answer_of_another_width_than_the_releases_is_our_fault(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.width, triton.answers[SEVEN] = 11, ranked("7")
    answer = await gateway.client.post(INFER, json=as_json(SEVEN), headers=gateway.ui)
    assert (answer.status_code, answer.headers["X-Error-Code"]) == (500, "contract_mismatch")


async def test_a_score_that_is_no_number_is_our_fault(triton: FakeTriton, gateway: Gateway) -> None:
    def spoil(response: Any) -> None:
        response.raw_output_contents[1] = struct.pack("<10f", *[float("nan")] * 10)

    triton.spoil, triton.answers[SEVEN] = spoil, ranked(*"7912345680")
    answer = await gateway.client.post(INFER, json=as_json(SEVEN), headers=gateway.ui)
    assert (answer.status_code, answer.headers["X-Error-Code"]) == (500, "contract_mismatch")


async def test_a_body_above_the_limit_is_refused_unread(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(max_body_bytes=50)
    answer = await gateway.client.post(INFER, json=as_json(SEVEN), headers=gateway.ui)
    assert (answer.status_code, answer.headers["X-Error-Code"]) == (413, "payload_too_large")
    assert triton.asked == []
