"""POST /v1/predict/{alias} with one text, or several, as JSON."""

from __future__ import annotations

import json

import pytest

from python_backends.shared.contract import Status, Task
from tests.fakes.fake_supervisor import FakeSupervisor, a_release
from tests.fakes.fake_triton import FakeTriton, ranked, refused
from tests.unit.gateway.running_gateway import Gateway, StartGateway

_DRAW = "The match ended in a draw."
_JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def topics(supervisor: FakeSupervisor, start_gateway: StartGateway) -> Gateway:
    """A gateway with the text alias topics beside the image alias digits."""
    supervisor.releases.append(a_release("topics", 1, top_k=3, task=Task.TEXT_CLASSIFICATION))
    return await start_gateway()


async def test_a_text_is_answered_with_labels_highest_first(
    triton: FakeTriton, topics: Gateway
) -> None:
    triton.answers[_DRAW.encode()] = ranked("sports", "world", "business")
    answer = await topics.client.post(
        "/v1/predict/topics?top_k=2", json={"text": _DRAW}, headers=topics.ui
    )
    assert answer.status_code == 200
    body = answer.json()
    timing = body.pop("timing")
    del body["route"], body["provenance"]  # test_provenance.py looks at them
    assert body == {
        "request_id": answer.headers["X-Request-Id"],
        "alias": "topics",
        "release": "topics_r1",
        "predictions": [{"label": "sports", "score": 0.5}, {"label": "world", "score": 0.25}],
    }
    assert 0 < timing["triton_ms"] <= timing["total_ms"] < 5000


async def test_triton_gets_the_text_as_utf8_under_the_name_of_its_tensor(
    triton: FakeTriton, topics: Gateway
) -> None:
    text = " Zürich ☃ \U0001f600 a\x00b\n"
    triton.answers[text.encode()] = ranked("world")
    for body in (json.dumps({"text": text}), json.dumps({"text": text}, ensure_ascii=False)):
        answer = await topics.client.post(
            "/v1/predict/topics", content=body.encode(), headers={**topics.ui, **_JSON}
        )
        assert answer.status_code == 200
    assert triton.texts() == [text, text]
    request = triton.asked[0]
    assert request.model_name == "topics_r1"
    assert [(x.name, x.datatype, list(x.shape)) for x in request.inputs] == [
        ("TEXT", "BYTES", [1, 1])
    ]


async def test_several_texts_are_one_batch_with_a_result_for_each_in_order(
    triton: FakeTriton, topics: Gateway
) -> None:
    for text in ("a", "b", "c"):
        triton.answers[text.encode()] = ranked(text)
    answer = await topics.client.post(
        "/v1/predict/topics?top_k=1", json={"texts": ["c", "a", "b"]}, headers=topics.ui
    )
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() == {
        *("request_id", "alias", "release", "route", "provenance", "results", "timing")
    }
    assert body["results"] == [{"predictions": [{"label": x, "score": 0.5}]} for x in "cab"]
    assert len(triton.asked) == 1


async def test_a_list_of_one_text_is_answered_with_a_list(
    triton: FakeTriton, topics: Gateway
) -> None:
    triton.answers[b"a"] = ranked("world")
    answer = await topics.client.post(
        "/v1/predict/topics", json={"texts": ["a"]}, headers=topics.ui
    )
    assert len(answer.json()["results"]) == 1


async def test_what_was_only_read_in_part_says_so_and_nothing_else_does(
    triton: FakeTriton, topics: Gateway
) -> None:
    triton.answers = {b"long": ranked("world", status=Status.TRUNCATED), b"short": ranked("world")}
    long, short, both = [
        await topics.client.post("/v1/predict/topics?top_k=1", json=body, headers=topics.ui)
        for body in ({"text": "long"}, {"text": "short"}, {"texts": ["long", "short"]})
    ]
    assert long.json()["truncated"] is True
    assert "truncated" not in short.json()
    predictions = [{"label": "world", "score": 0.5}]
    assert both.json()["results"] == [
        {"predictions": predictions, "truncated": True},
        {"predictions": predictions},
    ]


async def test_a_text_that_the_pipeline_refuses_is_the_status_of_the_call(
    triton: FakeTriton, topics: Gateway
) -> None:
    for state, code in [
        (Status.UNDECODABLE, "undecodable_text"),
        (Status.TOO_LARGE, "text_too_large"),
    ]:
        triton.answers[b"bad"] = refused(state)
        answer = await topics.client.post(
            "/v1/predict/topics", json={"text": "bad"}, headers=topics.ui
        )
        assert answer.status_code == 422
        error = answer.json()["error"]
        assert error["code"] == code
        assert "text" in error["message"]
        assert "pixels" not in error["message"]


async def test_a_state_that_texts_do_not_have_breaks_the_contract(
    triton: FakeTriton, topics: Gateway
) -> None:
    triton.answers[b"odd"] = refused(Status.UNSUPPORTED_FORMAT)
    answer = await topics.client.post("/v1/predict/topics", json={"text": "odd"}, headers=topics.ui)
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "contract_mismatch"


async def test_one_bad_text_does_not_fail_its_neighbours(
    triton: FakeTriton, topics: Gateway
) -> None:
    triton.answers = {
        b"a": ranked("world"),
        b"b": refused(Status.TOO_LARGE),
        b"c": ranked("sports"),
    }
    answer = await topics.client.post(
        "/v1/predict/topics", json={"texts": ["a", "", "b", " \n\u3000", "c"]}, headers=topics.ui
    )
    assert answer.status_code == 200
    first, *bad, last = answer.json()["results"]
    assert [entry["error"]["code"] for entry in bad] == [
        "empty_body",
        "text_too_large",
        "empty_body",
    ]
    assert all(entry.keys() == {"error"} for entry in bad)
    assert first["predictions"][0]["label"] == "world"
    assert last["predictions"][0]["label"] == "sports"
    assert triton.texts() == ["a", "b", "c"]


async def test_an_empty_or_blank_text_is_refused_without_asking_triton(
    triton: FakeTriton, topics: Gateway
) -> None:
    for body in (b"", b'{"text": ""}', b'{"text": " \\n\\t\\u00a0"}'):
        answer = await topics.client.post(
            "/v1/predict/topics", content=body, headers={**topics.ui, **_JSON}
        )
        assert answer.status_code == 400, body
        error = answer.json()["error"]
        assert error["code"] == "empty_body"
        assert "file" not in error["message"]
    assert triton.asked == []


async def test_as_many_texts_as_a_request_may_bring_are_taken_and_not_one_more(
    triton: FakeTriton, topics: Gateway
) -> None:
    triton.answers[b"a"] = ranked("world")
    for count, status in [(8, 200), (256, 200), (257, 400), (3000, 400)]:
        answer = await topics.client.post(
            "/v1/predict/topics", json={"texts": ["a"] * count}, headers=topics.ui
        )
        assert answer.status_code == status, count
        if status == 400:
            assert answer.json()["error"]["code"] == "too_many_texts"
            assert "256" in answer.json()["error"]["message"]
    assert len(triton.asked) == 1 + 256 // 8


async def test_top_k_of_a_text_is_bounded_by_its_release(
    triton: FakeTriton, topics: Gateway
) -> None:
    triton.width = 3
    triton.answers[b"a"] = ranked("x", "y", "z")
    usual = await topics.client.post("/v1/predict/topics", json={"text": "a"}, headers=topics.ui)
    assert [x["label"] for x in usual.json()["predictions"]] == ["x", "y", "z"]
    many = await topics.client.post(
        "/v1/predict/topics?top_k=4", json={"text": "a"}, headers=topics.ui
    )
    assert (many.status_code, many.json()["error"]["code"]) == (400, "invalid_parameter")


async def test_a_text_may_be_longer_than_an_image_may_be(
    triton: FakeTriton, supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.releases = [a_release("topics", 1, task=Task.TEXT_CLASSIFICATION)]
    triton.answers[b"word " * 9] = ranked("world")
    gateway = await start_gateway(max_image_bytes=4)
    answer = await gateway.client.post(
        "/v1/predict/topics", json={"text": "word " * 9}, headers=gateway.ui
    )
    assert answer.status_code == 200


async def test_a_json_body_is_bounded_by_the_setting_and_by_what_parsing_may_cost(
    triton: FakeTriton, supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.releases = [a_release("topics", 1, task=Task.TEXT_CLASSIFICATION)]
    triton.answers[b"a"] = ranked("world")
    small = await start_gateway(max_body_bytes=20)
    usual = await start_gateway()
    for gateway, length, status in [
        (small, 20, 200),
        (small, 21, 413),
        (usual, 8 * 1024 * 1024 + 1, 413),
    ]:
        answer = await gateway.client.post(
            "/v1/predict/topics",
            content=b'{"text": "a"}'.ljust(length),
            headers={**gateway.ui, **_JSON},
        )
        assert answer.status_code == status, length
        if status == 413:
            assert answer.json()["error"]["code"] == "payload_too_large"
    assert len(triton.asked) == 1
