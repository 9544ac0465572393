"""What callers see when Triton refuses, breaks, hangs or talks nonsense."""

from __future__ import annotations

import socket
from collections.abc import Callable

import grpc
import pytest

from tests.fakes.fake_triton import FakeTriton, InferResponse, ranked
from tests.unit.gateway.running_gateway import Gateway, StartGateway

_SECRET_TEXT = "Stub process 'digits_r1_preprocess_0_0' at /srv/models is not healthy"
_STATUS_AND_CODE = {
    grpc.StatusCode.UNAVAILABLE: (503, "inference_unavailable"),
    grpc.StatusCode.NOT_FOUND: (503, "inference_unavailable"),
    grpc.StatusCode.DEADLINE_EXCEEDED: (504, "inference_timeout"),
    grpc.StatusCode.INVALID_ARGUMENT: (500, "contract_mismatch"),
    grpc.StatusCode.INTERNAL: (502, "inference_failed"),
    grpc.StatusCode.UNKNOWN: (502, "inference_failed"),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (502, "inference_failed"),
    grpc.StatusCode.CANCELLED: (502, "inference_failed"),
}


async def test_each_grpc_code_has_its_status_and_nobody_sees_the_text_of_triton(
    triton: FakeTriton, gateway: Gateway
) -> None:
    for grpc_code, (status, code) in _STATUS_AND_CODE.items():
        triton.refusal = (grpc_code, _SECRET_TEXT)
        for body in ({"content": b"seven"}, {"files": {"file": ("a", b"seven")}}):
            answer = await gateway.client.post("/v1/predict/digits", headers=gateway.ui, **body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
            assert ("Retry-After" in answer.headers) == (status == 503)
            for word in ("Stub", "/srv", "preprocess"):
                assert word not in answer.text
    assert await gateway.in_flight() == 0


async def test_the_text_of_triton_goes_to_the_log(
    triton: FakeTriton, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    triton.refusal = (grpc.StatusCode.INTERNAL, _SECRET_TEXT)
    await gateway.client.post("/v1/predict/digits", content=b"seven", headers=gateway.ui)
    assert "release=digits_r1 code=INTERNAL" in caplog.text
    assert _SECRET_TEXT in caplog.text


async def test_an_inference_that_is_not_answered_in_time_is_a_timeout_and_gives_its_place_back(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.may_answer.clear()
    gateway = await start_gateway(inference_timeout_seconds=0.05)
    answer = await gateway.client.post("/v1/predict/digits", content=b"seven", headers=gateway.ui)
    assert answer.status_code == 504
    assert answer.json()["error"]["code"] == "inference_timeout"
    assert await gateway.in_flight() == 0


async def test_a_triton_that_is_not_there_is_unavailable(start_gateway: StartGateway) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    gateway = await start_gateway(triton_urls=(f"127.0.0.1:{port}",))
    answer = await gateway.client.post("/v1/predict/digits", content=b"seven", headers=gateway.ui)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert answer.json()["error"]["code"] == "inference_unavailable"


async def test_after_a_failure_the_next_request_is_answered(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    triton.refusal = (grpc.StatusCode.UNAVAILABLE, "")
    failed = await gateway.client.post("/v1/predict/digits", content=b"seven", headers=gateway.ui)
    triton.refusal = None
    answer = await gateway.client.post("/v1/predict/digits", content=b"seven", headers=gateway.ui)
    assert (failed.status_code, answer.status_code) == (503, 200)
    assert len(triton.asked) == 3  # it was tried again once, when the supervisor vouched for it


async def test_a_proxy_for_the_world_outside_is_not_used_for_triton(
    triton: FakeTriton, start_gateway: StartGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("grpc_proxy", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
    triton.answers[b"seven"] = ranked("7")
    gateway = await start_gateway()
    answer = await gateway.client.post("/v1/predict/digits", content=b"seven", headers=gateway.ui)
    assert answer.status_code == 200
    assert (await gateway.client.get("/readyz")).status_code == 200


def _without(name: str) -> Callable[[InferResponse], None]:
    def spoil(response: InferResponse) -> None:
        index = [tensor.name for tensor in response.outputs].index(name)
        del response.outputs[index], response.raw_output_contents[index]

    return spoil


def _with(name: str, content: bytes) -> Callable[[InferResponse], None]:
    def spoil(response: InferResponse) -> None:
        index = [tensor.name for tensor in response.outputs].index(name)
        response.raw_output_contents[index] = content

    return spoil


_GARBAGE: dict[str, Callable[[InferResponse], None]] = {
    "nothing at all": lambda response: response.Clear(),
    "names without contents": lambda response: response.ClearField("raw_output_contents"),
    "no LABEL": _without("LABEL"),
    "no SCORE": _without("SCORE"),
    "no STATUS": _without("STATUS"),
    "two states for one image": _with("STATUS", b"\0\0"),
    "a state that does not exist": _with("STATUS", b"\x63"),
    "too few scores": _with("SCORE", b"\0" * 36),
    "half a score": _with("SCORE", b"\0" * 39),
    "a label that ends early": _with("LABEL", b"\xff\0\0\0seven"),
    "a length that ends early": _with("LABEL", b"\x01\0"),
    "a label that is no UTF-8": _with("LABEL", b"\x01\0\0\0\xff" * 10),
}


async def test_an_answer_that_does_not_fit_the_contract_is_our_fault_and_shows_nothing(
    triton: FakeTriton, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    triton.answers[b"seven"] = ranked("7")
    for name, spoil in _GARBAGE.items():
        triton.spoil = spoil
        caplog.clear()
        answer = await gateway.client.post(
            "/v1/predict/digits", content=b"seven", headers=gateway.ui
        )
        assert answer.status_code == 500, name
        assert answer.json()["error"] == {
            "code": "contract_mismatch",
            "message": "Triton's answer does not fit the contract",
            "request_id": answer.headers["X-Request-Id"],
        }
        assert "breaks the contract release=digits_r1" in caplog.text, name
    assert await gateway.in_flight() == 0
