"""POST /v1/preview/{alias}: the pixels as they are, refused as a prediction is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from python_backends.shared.contract import Status, Task
from tests.fakes.fake_supervisor import FakeSupervisor, a_release
from tests.fakes.fake_triton import FakeTriton, refused
from tests.unit.gateway.running_gateway import Gateway, StartGateway
from tests.unit.gateway.test_authentication import new_key

URL = "/v1/preview/digits"
PIXELS = bytes(range(200, 218))


async def test_the_pixels_come_as_they_are_with_their_shape_in_headers(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.prepared[b"seven"] = PIXELS
    for content_type in ("image/jpeg", "image/png", "image/webp", "application/octet-stream"):
        answer = await gateway.client.post(
            URL, content=b"seven", headers={**gateway.ui, "Content-Type": content_type}
        )
        assert answer.status_code == 200, content_type
        assert answer.content == PIXELS
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["X-Pixels-Shape"] == "2,3,3"
        assert answer.headers["X-Pixels-Type"] == "UINT8"
        assert answer.headers["X-Release"] == "digits_r1"
        assert "triton;dur=" in answer.headers["Server-Timing"]


async def test_the_preprocess_step_alone_is_asked_with_the_bytes_untouched(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.prepared[b"seven"] = PIXELS
    answer = await gateway.client.post(URL, content=b"seven", headers=gateway.ui)
    (request,) = triton.asked
    assert request.model_name == "digits_r1_preprocess"
    assert request.id == answer.headers["X-Request-Id"]
    assert [(x.name, list(x.shape)) for x in request.inputs] == [("IMAGE", [1, 1])]
    assert triton.images() == [b"seven"]
    assert request.parameters["timeout"].int64_param > 0


@pytest.mark.parametrize(
    ("state", "status", "code"),
    [
        (Status.UNDECODABLE, 422, "undecodable_image"),
        (Status.TOO_LARGE, 422, "image_too_large"),
        (Status.UNSUPPORTED_FORMAT, 415, "unsupported_image_format"),
        (Status.HARMFUL, 422, "harmful_input"),
    ],
)
async def test_an_image_that_the_step_refuses_is_the_status_of_the_call(
    triton: FakeTriton, gateway: Gateway, state: Status, status: int, code: str
) -> None:
    triton.answers[b"bad"] = refused(state)
    answer = await gateway.client.post(URL, content=b"bad", headers=gateway.ui)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
    assert "X-Pixels-Shape" not in answer.headers


@pytest.mark.parametrize(
    ("headers", "content", "code"),
    [
        ({}, b"", "empty_body"),
        ({}, b"x" * 2000, "payload_too_large"),
        ({"Content-Type": "application/json"}, b"{}", "unsupported_media_type"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"", "unsupported_media_type"),
        ({"Content-Encoding": "gzip"}, b"seven", "unsupported_media_type"),
        ({"X-Request-Timeout-Ms": "soon"}, b"seven", "invalid_parameter"),
    ],
)
async def test_a_request_that_is_none_for_a_preview_asks_triton_nothing(
    triton: FakeTriton,
    start_gateway: StartGateway,
    headers: dict[str, str],
    content: bytes,
    code: str,
) -> None:
    gateway = await start_gateway(max_image_bytes=1000)
    answer = await gateway.client.post(URL, content=content, headers={**gateway.ui, **headers})
    assert answer.is_client_error
    assert answer.json()["error"]["code"] == code
    assert triton.asked == []


async def test_a_text_has_no_preview(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.releases = [a_release("topics", 1, task=Task.TEXT_CLASSIFICATION)]
    gateway = await start_gateway()
    answer = await gateway.client.post(
        "/v1/preview/topics", json={"text": "A draw."}, headers=gateway.ui
    )
    assert answer.status_code == 415
    assert "only images have a preview" in answer.json()["error"]["message"]


async def test_an_alias_that_is_not_there_is_404(gateway: Gateway) -> None:
    answer = await gateway.client.post("/v1/preview/letters", content=b"7", headers=gateway.ui)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_alias")


def _without_status(response: Any) -> None:
    del response.outputs[1], response.raw_output_contents[1]


def _of_another_type(response: Any) -> None:
    response.outputs[0].datatype = "FP32"


def _cut_short(response: Any) -> None:
    response.raw_output_contents[0] = response.raw_output_contents[0][:-1]


def _in_a_state_that_is_none(response: Any) -> None:
    response.raw_output_contents[1] = b"\xff"


@pytest.mark.parametrize(
    "spoil", [_without_status, _of_another_type, _cut_short, _in_a_state_that_is_none]
)
async def test_an_answer_that_breaks_the_contract_is_our_fault(
    triton: FakeTriton, start_gateway: StartGateway, spoil: Any
) -> None:
    gateway = await start_gateway()
    triton.prepared[b"seven"], triton.spoil = PIXELS, spoil
    answer = await gateway.client.post(URL, content=b"seven", headers=gateway.ui)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "contract_mismatch")


async def test_a_preview_that_takes_too_long_is_504(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    triton.hung.add("digits_r1_preprocess")
    answer = await gateway.client.post(
        URL, content=b"seven", headers={**gateway.ui, "X-Request-Timeout-Ms": "100"}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "inference_timeout")


async def test_a_preview_costs_a_request_of_the_minute(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    triton.prepared[b"seven"] = PIXELS
    _, headers = await new_key(gateway, "predict", requests_per_minute=1)
    statuses = [
        (await gateway.client.post(URL, content=b"seven", headers=headers)).status_code
        for _ in range(2)
    ]
    assert statuses == [200, 429]


async def test_a_release_by_its_name_takes_a_key_that_may_name_it(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    triton.prepared[b"seven"] = PIXELS
    url = "/v1/preview/digits_r1"
    assert (await gateway.client.post(url, content=b"seven", headers=gateway.ui)).is_client_error
    answer = await gateway.client.post(url, content=b"seven", headers=gateway.admin)
    assert (answer.status_code, answer.headers["X-Release"]) == (200, "digits_r1")


async def test_previews_are_counted_by_their_route_and_not_as_the_time_of_the_release(
    triton: FakeTriton, start_gateway: StartGateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "gateway.access")
    gateway = await start_gateway()
    triton.prepared[b"seven"] = PIXELS
    await gateway.client.post(URL, content=b"seven", headers=gateway.ui)
    metrics = (await gateway.client.get("/metrics", headers=gateway.admin)).text
    assert (
        'requests_total{alias="digits",release="digits_r1",route="/v1/preview/{alias}",'
        'status="200"} 1.0'
    ) in metrics
    assert "triton_duration_seconds_count{" not in metrics
    fields: Any = next(it for it in caplog.records if "/v1/preview" in it.getMessage())
    assert fields.fields["step"] == "preprocess"


async def test_previews_are_sent_alone_however_many_come_at_once(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    triton.prepared[b"seven"] = PIXELS
    answers = await asyncio.gather(
        *(gateway.client.post(URL, content=b"seven", headers=gateway.ui) for _ in range(6))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len(triton.asked) == 6


async def test_pages_of_listed_origins_may_read_how_the_pixels_lie(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(cors_origins=("https://page.example",))
    triton.prepared[b"seven"] = PIXELS
    answer = await gateway.client.post(
        URL, content=b"seven", headers={**gateway.ui, "Origin": "https://page.example"}
    )
    readable = answer.headers["Access-Control-Expose-Headers"]
    for header in ("X-Pixels-Shape", "X-Pixels-Type", "X-Release"):
        assert header in readable
