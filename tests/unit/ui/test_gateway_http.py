from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tests.unit.ui.fake_gateway import DIGITS, FakeGateway, error_body
from ui.calls.gateway_http import Caller
from ui.calls.predictions import Prediction, ScoredLabel, predict
from ui.calls.readiness import Readiness, ask_readiness
from ui.calls.routes import Arm, Route, list_routes
from ui.encoded_image import EncodedImage
from ui.errors import (
    AnswerNotUnderstood,
    ApiKeyMissing,
    GatewayDown,
    GatewayTimedOut,
    RequestRefused,
)
from ui.services import Services, build_services
from ui.settings import UiSettings
from ui.written_text import WrittenText

IMAGE = EncodedImage("seven.png", b"\x89PNG")
KEY = "tp_very_secret"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(KEY)
    return path


def services_for(
    handler: Callable[[httpx.Request], httpx.Response], key_file: Path | None
) -> Services:
    settings = UiSettings(gateway_url="http://gateway:8080", api_key_file=key_file)
    return build_services(settings, transport=httpx.MockTransport(handler))


def caller_for(handler: Callable[[httpx.Request], httpx.Response], key_file: Path | None) -> Caller:
    return services_for(handler, key_file).guest.caller


def readiness_of(handler: Callable[[httpx.Request], httpx.Response]) -> Readiness:
    return ask_readiness(services_for(handler, None).http, seconds=2)


def answering(status: int, **content: object) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status, **content)  # type: ignore[arg-type]  # each test names what it answers


def failing(error: type[httpx.RequestError]) -> Callable[[httpx.Request], httpx.Response]:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error("no", request=request)

    return fail


def test_a_prediction_is_asked_for_with_key_type_and_bytes(key_file: Path) -> None:
    gateway = FakeGateway()

    predict(caller_for(gateway, key_file), IMAGE, alias="digits", top_k=3)

    request = gateway.requests[0]
    assert request.method == "POST"
    assert str(request.url) == "http://gateway:8080/v1/predict/digits?top_k=3"
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["Content-Type"] == "image/png"
    assert request.content == IMAGE.data


def test_a_prediction_comes_back_typed_and_best_first(key_file: Path) -> None:
    body = {
        "request_id": "req-1",
        "alias": "digits",
        "release": "digits_r1",
        "predictions": [{"label": "1", "score": 0.1}, {"label": "7", "score": 0.9}],
        "timing": {"total_ms": 6, "triton_ms": 4.9},
    }

    prediction = predict(
        caller_for(answering(200, json=body), key_file), IMAGE, alias="digits", top_k=2
    )

    assert prediction == Prediction(
        request_id="req-1",
        alias="digits",
        release="digits_r1",
        labels=(ScoredLabel("7", 0.9), ScoredLabel("1", 0.1)),
        gateway_ms=6.0,
        triton_ms=4.9,
    )


def test_a_text_is_sent_as_json_and_its_answer_may_be_about_a_part(key_file: Path) -> None:
    gateway = FakeGateway(is_truncating=True)

    prediction = predict(
        caller_for(gateway, key_file), WrittenText("Zürich \ud83d"), alias="topics", top_k=1
    )

    request = gateway.requests[0]
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.content) == {"text": "Zürich \ud83d"}
    assert prediction.is_truncated


def test_an_alias_cannot_change_the_path(key_file: Path) -> None:
    gateway = FakeGateway()

    predict(caller_for(gateway, key_file), IMAGE, alias="../routes?x", top_k=1)

    assert gateway.requests[0].url.raw_path == b"/v1/predict/..%2Froutes%3Fx?top_k=1"


def test_a_rotated_key_is_used_for_the_next_request(key_file: Path) -> None:
    gateway = FakeGateway()
    caller = caller_for(gateway, key_file)
    list_routes(caller)

    key_file.write_text("tp_new")
    list_routes(caller)

    sent = [request.headers["Authorization"] for request in gateway.requests]
    assert sent == [f"Bearer {KEY}", "Bearer tp_new"]


def test_without_a_key_nothing_is_sent(tmp_path: Path) -> None:
    gateway = FakeGateway()
    caller = caller_for(gateway, tmp_path / "missing")

    with pytest.raises(ApiKeyMissing):
        predict(caller, IMAGE, alias="digits", top_k=1)

    assert gateway.requests == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 415, 422, 429, 500, 502, 503, 504])
def test_a_refusal_keeps_status_code_message_and_request_id(key_file: Path, status: int) -> None:
    caller = caller_for(answering(status, json=error_body("some_code", "Some words.")), key_file)

    with pytest.raises(RequestRefused) as caught:
        predict(caller, IMAGE, alias="digits", top_k=1)

    refused = caught.value
    assert (refused.status, refused.code) == (status, "some_code")
    assert (refused.message, refused.request_id) == ("Some words.", "req-9")


@pytest.mark.parametrize("content", [b"<html>Bad gateway</html>", b"[]", b'{"error": "no"}', b""])
def test_a_refusal_in_another_form_is_a_refusal_all_the_same(
    key_file: Path, content: bytes
) -> None:
    caller = caller_for(answering(502, content=content), key_file)

    with pytest.raises(RequestRefused) as caught:
        predict(caller, IMAGE, alias="digits", top_k=1)

    assert (caught.value.status, caught.value.code, caught.value.request_id) == (502, "", None)


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (httpx.ConnectError, GatewayDown),
        (httpx.ConnectTimeout, GatewayDown),
        (httpx.RemoteProtocolError, GatewayDown),
        (httpx.ReadTimeout, GatewayTimedOut),
        (httpx.DecodingError, AnswerNotUnderstood),
    ],
)
def test_a_call_that_fails_on_the_way_is_told_by_its_type(
    key_file: Path, error: type[httpx.RequestError], problem: type[Exception]
) -> None:
    with pytest.raises(problem):
        predict(caller_for(failing(error), key_file), IMAGE, alias="digits", top_k=1)


@pytest.mark.parametrize(
    "content",
    [b"hello", b"[]", b"{}", b'{"request_id": "r", "predictions": []}', b'{"predictions": 7}'],
)
def test_a_success_in_another_shape_is_not_understood(key_file: Path, content: bytes) -> None:
    with pytest.raises(AnswerNotUnderstood):
        predict(
            caller_for(answering(200, content=content), key_file), IMAGE, alias="digits", top_k=1
        )


def test_a_prediction_without_labels_is_not_understood(key_file: Path) -> None:
    body = {"predictions": [], "request_id": "", "alias": "", "release": "", "timing": {}}

    with pytest.raises(AnswerNotUnderstood):
        predict(caller_for(answering(200, json=body), key_file), IMAGE, alias="digits", top_k=1)


def test_readiness_needs_no_key() -> None:
    readiness = readiness_of(FakeGateway())

    assert readiness == Readiness(True, datetime(2026, 5, 3, 8, tzinfo=UTC), None)


def test_a_gateway_that_says_no_has_answered() -> None:
    readiness = readiness_of(FakeGateway(not_ready_reason="Triton restarts."))

    assert not readiness.is_ready
    assert readiness.reason == "Triton restarts."


def test_a_time_without_an_offset_is_utc() -> None:
    body = {"ready": True, "since": "2026-05-03T08:00:00", "reason": None}

    readiness = readiness_of(answering(200, json=body))

    assert readiness.since == datetime(2026, 5, 3, 8, tzinfo=UTC)


def test_a_stranger_at_the_gateways_address_is_not_taken_for_ready() -> None:
    with pytest.raises(AnswerNotUnderstood):
        readiness_of(answering(404, json={}))


def test_routes_come_back_typed(key_file: Path) -> None:
    gateway = FakeGateway(routes=[DIGITS, DIGITS | {"top_k": 3}])

    plain, with_limit = list_routes(caller_for(gateway, key_file))

    assert plain == Route("digits", "image-classification", (Arm("digits_r1", 100),), None)
    assert with_limit.most_labels == 3


def test_the_key_is_in_no_log_and_no_error(
    key_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caller = caller_for(answering(401, json=error_body("unknown_api_key")), key_file)

    with pytest.raises(RequestRefused) as caught:
        list_routes(caller)

    assert "401" in caplog.text
    assert KEY not in caplog.text
    assert KEY not in str(caught.value)
