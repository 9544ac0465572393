from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.unit.triptych.client.fake_gateway import SEVEN, WHO, FakeGateway, refusal, route_body
from triptych.client import (
    AsyncClient,
    Client,
    Overloaded,
    Prediction,
    Provenance,
    RateLimited,
    Refused,
    RefusedItem,
    ServerFailed,
    TimedOut,
    Timing,
    TriptychClientError,
    Unavailable,
)
from triptych.errors import CallFailed
from triptych.routing import Arm, Route, Shadow, Sticky

Call = Callable[..., Any]


def call_sync(gateway: FakeGateway, method: str, *args: Any, **kwargs: Any) -> Any:
    transport = httpx.MockTransport(gateway)
    with Client("http://gateway", "k3y", transport=transport, retries=2) as client:
        return getattr(client, method)(*args, **kwargs)


def call_async(gateway: FakeGateway, method: str, *args: Any, **kwargs: Any) -> Any:
    async def call() -> Any:
        transport = httpx.MockTransport(gateway)
        async with AsyncClient("http://gateway", "k3y", transport=transport, retries=2) as client:
            return await getattr(client, method)(*args, **kwargs)

    return asyncio.run(call())


@pytest.fixture(params=[call_sync, call_async], ids=["Client", "AsyncClient"])
def call(request: pytest.FixtureRequest) -> Call:
    made: Call = request.param
    return made


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


def test_one_image_is_a_typed_prediction_that_says_where_it_came_from(
    call: Call, gateway: FakeGateway
) -> None:
    provenance = {"semver": "1.2.0", "model_sha256": "0123456789ab", "device": "cpu"}
    route = {"arm": "B", "revision": 7}
    gateway.will({**WHO, **SEVEN, "route": route, "provenance": provenance})

    answer = call(gateway, "classify_image", "digits", b"\xff\xd8", sticky_key="ann", top_k=2)

    assert answer == Prediction(
        request_id="r1",
        alias="digits",
        release="digits_r1",
        arm="B",
        revision=7,
        timing=Timing(total_ms=6.2, triton_ms=4.9),
        provenance=Provenance("1.2.0", "0123456789ab", "cpu"),
        labels=("7", "1"),
        scores=(0.9, 0.1),
    )
    assert (answer.label, answer.score) == ("7", 0.9)
    (asked,) = gateway.asked
    assert (asked.method, asked.url.path, asked.content) == (
        "POST",
        "/v1/predict/digits",
        b"\xff\xd8",
    )
    assert asked.url.params["top_k"] == "2"
    assert asked.headers["Authorization"] == "Bearer k3y"
    assert asked.headers["Content-Type"] == "application/octet-stream"
    assert asked.headers["X-Sticky-Key"] == "ann"


def test_an_older_gateway_says_neither_arm_nor_revision_nor_provenance(
    call: Call, gateway: FakeGateway
) -> None:
    gateway.will({**WHO, **SEVEN})

    answer = call(gateway, "classify_image", "digits", b"x")

    assert (answer.arm, answer.revision, answer.provenance) == ("digits_r1", None, Provenance())
    assert "X-Sticky-Key" not in gateway.asked[0].headers
    assert not gateway.asked[0].url.query


def test_a_release_that_was_named_has_no_revision_and_an_unknown_device_is_none(
    call: Call, gateway: FakeGateway
) -> None:
    provenance = {"model_sha256": "0123456789ab", "device": ""}
    route = {"arm": "digits_r1", "revision": None}
    gateway.will({**WHO, **SEVEN, "route": route, "provenance": provenance})

    answer = call(gateway, "classify_image", "digits_r1", b"x")

    assert (answer.revision, answer.provenance) == (None, Provenance(model_sha256="0123456789ab"))


def test_a_batch_of_images_has_a_typed_result_in_each_place(
    call: Call, gateway: FakeGateway
) -> None:
    error = {"code": "undecodable_image", "message": "no image"}
    gateway.will({**WHO, "results": [SEVEN, {"error": error}, SEVEN]})

    seven, broken, _ = call(gateway, "classify_images", "digits", [b"AAAA", b"BBBB", b"CCCC"])

    assert seven.label == "7"
    assert isinstance(broken, RefusedItem)
    assert (broken.code, broken.message, broken.release) == (
        "undecodable_image",
        "no image",
        "digits_r1",
    )
    body = gateway.asked[0].content
    assert -1 < body.index(b"AAAA") < body.index(b"BBBB") < body.index(b"CCCC")


def test_texts_travel_as_json_and_say_when_they_were_cut(call: Call, gateway: FakeGateway) -> None:
    gateway.will({**WHO, **SEVEN, "truncated": True}, {**WHO, "results": [SEVEN, SEVEN]})

    one = call(gateway, "classify_text", "topics", "Zürich")
    several = call(gateway, "classify_texts", "topics", ("a", "\ud83d"))

    assert one.is_truncated
    assert [it.is_truncated for it in several] == [False, False]
    assert json.loads(gateway.asked[0].content) == {"text": "Zürich"}
    assert json.loads(gateway.asked[1].content) == {"texts": ["a", "\ud83d"]}


@pytest.mark.parametrize("method", ["classify_images", "classify_texts"])
def test_no_items_are_no_call(call: Call, gateway: FakeGateway, method: str) -> None:
    assert call(gateway, method, "digits", []) == []
    assert gateway.asked == []


def test_routes_are_typed(call: Call, gateway: FakeGateway) -> None:
    said = route_body(
        ("digits_r1", 90),
        ("digits_r2", 10),
        shadow={"release": "digits_r3", "percent": 5.0},
        sticky="api_key",
        revision=4,
    )
    gateway.will(said, {"routes": [said]})

    one, (listed,) = call(gateway, "route", "digits"), call(gateway, "routes")

    assert one == listed
    assert one.route == Route(
        "digits",
        (Arm("digits_r1", 90), Arm("digits_r2", 10)),
        Shadow("digits_r3", 5.0),
        Sticky.CALLER,
        4,
    )
    assert (one.task, one.max_batch_size, one.top_k) == ("image-classification", 4, 10)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "invalid_parameter", Refused),
        (401, "unknown_api_key", Refused),
        (408, "body_timeout", Refused),
        (422, "undecodable_image", Refused),
        (429, "rate_limited", RateLimited),
        (503, "inference_unavailable", Unavailable),
        (503, "overloaded", Overloaded),
        (504, "inference_timeout", TimedOut),
        (500, "internal_error", ServerFailed),
        (502, "inference_failed", ServerFailed),
    ],
)
def test_a_refusal_is_raised_by_its_class_with_code_and_request_id(
    call: Call, gateway: FakeGateway, status: int, code: str, error: type[TriptychClientError]
) -> None:
    gateway.will(refusal(status, code))

    with pytest.raises(TriptychClientError) as caught:
        call(gateway, "classify_image", "digits", b"x", timeout_seconds=0.3)

    assert type(caught.value) is error
    assert (caught.value.status, caught.value.code) == (status, code)
    assert caught.value.request_id == "r9"
    assert str(caught.value) == f"no ({status} {code})"
    assert isinstance(caught.value, CallFailed)


@pytest.mark.parametrize(
    ("broken", "error"),
    [(httpx.ConnectError("refused"), Unavailable), (httpx.ReadTimeout("late"), TimedOut)],
)
def test_a_gateway_that_does_not_answer_is_named(
    call: Call, gateway: FakeGateway, broken: Exception, error: type[TriptychClientError]
) -> None:
    gateway.will(broken)

    with pytest.raises(error, match=r"^The gateway at http://gateway.* does not answer: "):
        call(gateway, "classify_image", "digits", b"x", timeout_seconds=0.3)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b"<html>"),
        {**WHO},
        {**WHO, "results": [SEVEN]},
        {**WHO, "results": [SEVEN, {"predictions": [{"label": "7"}]}]},
        {**WHO, "results": None},
    ],
)
def test_an_answer_that_makes_no_sense_is_the_servers_failure(
    call: Call, gateway: FakeGateway, answer: Any
) -> None:
    gateway.will(answer)

    with pytest.raises(ServerFailed):
        call(gateway, "classify_images", "digits", [b"a", b"b"])


@pytest.mark.parametrize("key", ["", " ann", "ann ", "Zürich", "a\nb", "a" * 257])
def test_a_sticky_key_that_a_header_would_change_is_refused_before_anything_is_sent(
    call: Call, gateway: FakeGateway, key: str
) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        call(gateway, "classify_image", "digits", b"x", sticky_key=key)

    assert gateway.asked == []


def test_the_two_clients_offer_the_same_with_the_same_arguments() -> None:
    def offered(of: type) -> dict[str, list[str]]:
        members = inspect.getmembers(of, inspect.isfunction)
        return {n: list(inspect.signature(it).parameters) for n, it in members if n[0] != "_"}

    assert offered(Client) == offered(AsyncClient)
    assert "classify_images" in offered(Client)
