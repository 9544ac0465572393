"""POST /v2/models/{model}/infer: what a right request gets, in each form it may have."""

from __future__ import annotations

import gzip
import struct
import zlib
from typing import Any

import pytest

from python_backends.shared.contract import (
    Status,
    Task,
    decode_bytes_tensor,
)
from tests.fakes.fake_supervisor import FakeSupervisor, a_release
from tests.fakes.fake_triton import FakeTriton, ranked, refused
from tests.unit.gateway.open_inference.infer_bodies import LENGTH, as_binary, as_json, parts
from tests.unit.gateway.running_gateway import Gateway, StartGateway

INFER = "/v2/models/digits/infer"
SEVEN, NINE = b"\xff\xd8 seven", b"\xff\xd8 nine"
TEN = ("7", "9", "1", "2", "3", "4", "5", "6", "8", "0")
FP32_SCORES = [0.5 ** (rank + 1) for rank in range(10)]


@pytest.fixture(autouse=True)
def _answers(triton: FakeTriton, gateway: Gateway) -> None:
    assert gateway.port  # asked for because it makes the fake forget what it was told before
    triton.answers[SEVEN] = ranked(*TEN)
    triton.answers[NINE] = ranked(*reversed(TEN), status=Status.TRUNCATED)
    triton.answers[b"no image"] = refused(Status.UNSUPPORTED_FORMAT)


async def test_json_in_and_json_out(triton: FakeTriton, gateway: Gateway) -> None:
    body = as_json(SEVEN, NINE, id="call 7 ü")
    answer = await gateway.client.post(INFER, json=body, headers=gateway.ui)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert LENGTH not in answer.headers
    assert answer.json() == {
        "id": "call 7 ü",
        "model_name": "digits",
        "model_version": "1",
        "parameters": {"release": "digits_r1", "arm": "digits_r1"},
        "outputs": [
            {
                "name": "LABEL",
                "datatype": "BYTES",
                "shape": [2, 10],
                "data": [*TEN, *reversed(TEN)],
            },
            {"name": "SCORE", "datatype": "FP32", "shape": [2, 10], "data": FP32_SCORES * 2},
            {"name": "STATUS", "datatype": "UINT8", "shape": [2, 1], "data": [0, 1]},
        ],
    }
    (asked,) = triton.asked
    assert (asked.model_name, triton.images()) == ("digits_r1", [SEVEN, NINE])
    assert asked.id == answer.headers["X-Request-Id"]


async def test_data_may_be_nested_as_its_shape_is(triton: FakeTriton, gateway: Gateway) -> None:
    body = as_json(SEVEN, NINE)
    body["inputs"][0]["data"] = [[element] for element in body["inputs"][0]["data"]]
    answer = await gateway.client.post(INFER, json=body, headers=gateway.ui)
    assert answer.status_code == 200
    assert triton.images() == [SEVEN, NINE]


async def test_binary_in_and_binary_out(triton: FakeTriton, gateway: Gateway) -> None:
    body, headers = as_binary(SEVEN, NINE, parameters={"binary_data_output": True})
    answer = await gateway.client.post(INFER, content=body, headers=gateway.ui | headers)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/octet-stream"
    head, tensors = parts(answer)
    assert [output["shape"] for output in head["outputs"]] == [[2, 10], [2, 10], [2, 1]]
    labels = [label.encode() for label in (*TEN, *reversed(TEN))]
    assert decode_bytes_tensor(tensors["LABEL"]) == labels
    assert list(struct.unpack("<20f", tensors["SCORE"])) == FP32_SCORES * 2
    assert tensors["STATUS"] == b"\x00\x01"
    assert triton.images() == [SEVEN, NINE]


async def test_outputs_come_as_asked_in_the_order_asked(gateway: Gateway) -> None:
    wanted = [
        {"name": "STATUS", "parameters": {"binary_data": True}},
        {"name": "LABEL", "parameters": {"binary_data": False}},
        {"name": "SCORE"},
    ]
    body = as_json(SEVEN, outputs=wanted, parameters={"binary_data_output": True})
    answer = await gateway.client.post(INFER, json=body, headers=gateway.ui)
    head, tensors = parts(answer)
    status, label, score = head["outputs"]
    assert status["parameters"] == {"binary_data_size": 1}
    assert label["data"] == list(TEN)
    assert score["parameters"] == {"binary_data_size": 40}
    assert list(tensors) == ["STATUS", "SCORE"]


async def test_one_output_is_enough(gateway: Gateway) -> None:
    body = as_json(SEVEN, outputs=[{"name": "LABEL"}])
    answer = await gateway.client.post(INFER, json=body, headers=gateway.ui)
    assert [output["name"] for output in answer.json()["outputs"]] == ["LABEL"]


async def test_a_body_of_bare_bytes_is_one_item(triton: FakeTriton, gateway: Gateway) -> None:
    headers = gateway.ui | {LENGTH: "0"}
    answer = await gateway.client.post(INFER, content=SEVEN, headers=headers)
    head, tensors = parts(answer)
    assert head["outputs"][0]["shape"] == [1, 10]
    assert decode_bytes_tensor(tensors["LABEL"])[0] == b"7"
    assert triton.images() == [SEVEN]


async def test_texts_are_literal_in_json(
    supervisor: FakeSupervisor, triton: FakeTriton, start_gateway: StartGateway
) -> None:
    supervisor.releases = [a_release("topics", 1, task=Task.TEXT_CLASSIFICATION, top_k=2)]
    triton.width = 2
    triton.answers["Grüße [{,".encode()] = ranked("sports", "food")
    gateway = await start_gateway()
    tensor = {"name": "TEXT", "datatype": "BYTES", "shape": [1, 1], "data": ["Grüße [{,"]}
    answer = await gateway.client.post(
        "/v2/models/topics/infer", json={"inputs": [tensor]}, headers=gateway.ui
    )
    assert answer.json()["outputs"][0]["data"] == ["sports", "food"]
    assert triton.texts() == ["Grüße [{,"]


async def test_a_text_full_of_brackets_and_commas_is_a_text(
    supervisor: FakeSupervisor, triton: FakeTriton, start_gateway: StartGateway
) -> None:
    supervisor.releases = [a_release("topics", 1, task=Task.TEXT_CLASSIFICATION)]
    gateway = await start_gateway()
    text = '[[{"a\\": [1,' * 1000
    tensor = {"name": "TEXT", "datatype": "BYTES", "shape": [1, 1], "data": [text]}
    answer = await gateway.client.post(
        "/v2/models/topics/infer", json={"inputs": [tensor]}, headers=gateway.ui
    )
    assert answer.status_code == 200
    assert triton.texts() == [text]


async def test_a_refused_item_keeps_its_row_and_fails_nobody(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(max_image_bytes=100)
    body, headers = as_binary(b"", SEVEN, b"no image", bytes(101), NINE)
    answer = await gateway.client.post(INFER, content=body, headers=gateway.ui | headers)
    assert answer.status_code == 200
    label, score, status = answer.json()["outputs"]
    assert status["data"] == [2, 0, 4, 3, 1]
    assert label["data"] == [*[""] * 10, *TEN, *[""] * 20, *reversed(TEN)]
    assert score["data"][:10] == [0.0] * 10
    assert triton.images() == [SEVEN, b"no image", NINE]


async def test_triton_is_not_asked_about_nothing(triton: FakeTriton, gateway: Gateway) -> None:
    answer = await gateway.client.post(INFER, headers=gateway.ui | {LENGTH: "0"})
    assert answer.status_code == 200
    assert parts(answer)[1]["STATUS"] == b"\x02"
    assert triton.asked == []


@pytest.mark.parametrize(
    ("coding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
async def test_a_compressed_request_is_inflated(
    coding: str, compress: Any, triton: FakeTriton, gateway: Gateway
) -> None:
    noise = SEVEN + bytes(1_000_000)
    triton.answers[noise] = ranked(*TEN)
    body, headers = as_binary(noise)
    headers |= gateway.ui | {"Content-Encoding": coding}
    answer = await gateway.client.post(INFER, content=compress(body), headers=headers)
    assert answer.status_code == 200
    assert triton.images() == [noise]


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("br, GZIP;q=0.5", "gzip"),
        ("gzip;q=0, deflate", "deflate"),
        ("gzip; q=0.0", None),
        ("identity", None),
        ("br", None),
    ],
)
async def test_an_answer_is_compressed_as_the_client_asks(
    accepted: str, coding: str | None, gateway: Gateway
) -> None:
    headers = gateway.ui | {"Accept-Encoding": accepted}
    many = as_json(*[SEVEN] * 8)
    answer = await gateway.client.post(INFER, json=many, headers=headers)
    assert answer.headers.get("Content-Encoding") == coding
    assert len(answer.json()["outputs"][0]["data"]) == 80
    few = as_json(SEVEN, outputs=[{"name": "STATUS"}])
    answer = await gateway.client.post(INFER, json=few, headers=headers)
    assert "Content-Encoding" not in answer.headers


async def test_a_release_is_a_model_for_an_operator_only(gateway: Gateway) -> None:
    path = "/v2/models/digits_r1/infer"
    answer = await gateway.client.post(path, json=as_json(SEVEN), headers=gateway.admin)
    assert (answer.status_code, answer.json()["model_name"]) == (200, "digits_r1")
    answer = await gateway.client.post(path, json=as_json(SEVEN), headers=gateway.ui)
    assert (answer.status_code, answer.headers["X-Error-Code"]) == (403, "alias_forbidden")


async def test_a_version_other_than_1_is_not_there(triton: FakeTriton, gateway: Gateway) -> None:
    path = "/v2/models/digits/versions/{}/infer"
    answer = await gateway.client.post(path.format(1), json=as_json(SEVEN), headers=gateway.ui)
    assert answer.status_code == 200
    for version in ("2", "01", "x", "-1"):
        answer = await gateway.client.post(
            path.format(version), json=as_json(SEVEN), headers=gateway.ui
        )
        assert answer.status_code == 404
        assert answer.headers["X-Error-Code"] == "unknown_model_version"
    assert len(triton.asked) == 1
