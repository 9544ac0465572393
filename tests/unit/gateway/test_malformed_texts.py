"""JSON that holds no text: each is answered with 400, and what another task takes with 415."""

from __future__ import annotations

import pytest

from python_backends.shared.contract import Task
from tests.fakes.fake_supervisor import FakeSupervisor, a_release
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.running_gateway import Gateway, StartGateway

# What is wrong with it -> the body, and words that the answer has.
_MALFORMED = {
    "no JSON": (b"hello", "not JSON"),
    "cut short": (b'{"text": "a', "not JSON"),
    "two documents": (b'{"text": "a"} {}', "not JSON"),
    "a raw line break in a string": (b'{"text": "a\nb"}', "not JSON"),
    "not UTF-8": (b'{"text": "\xe9t\xe9"}', "not UTF-8"),
    "UTF-16": ('{"text": "a"}'.encode("utf-16"), "not UTF-8"),
    "deep in lists": (b"[" * 1_000_000, "nested too deeply"),
    "deep in objects": (b'{"text":' * 1_000_000, "nested too deeply"),
    "a list": (b'["a"]', "no JSON object"),
    "a string": (b'"a"', "no JSON object"),
    "null": (b"null", "no JSON object"),
    "not a number": (b"NaN", "no JSON object"),
    "no field": (b"{}", "no text"),
    "another field": (b'{"sentence": "a"}', "'sentence'"),
    "a field too many": (b'{"text": "a", "language": "en"}', "'language'"),
    "a field that no answer could name": (b'{"\\ud800": 1}', r"'\ud800'"),
    "a field with an endless name": (b'{"' + b"x" * 5000 + b'": 1}', "xxx"),
    "text and texts": (b'{"text": "a", "texts": ["a"]}', "both text and texts"),
    "a number": (b'{"text": 7}', "text is no string"),
    "a number of a million digits": (b'{"text": ' + b"7" * 1_000_000 + b"}", "text is no string"),
    "null for a text": (b'{"text": null}', "text is no string"),
    "a list for a text": (b'{"text": ["a"]}', "text is no string"),
    "a text for a list": (b'{"texts": "a"}', "texts is no list"),
    "an object for a list": (b'{"texts": {"0": "a"}}', "texts is no list"),
    "an empty list": (b'{"texts": []}', "an empty list"),
    "a number among texts": (b'{"texts": ["a", 7]}', "texts[1] is no string"),
    "half a surrogate pair": (b'{"text": "a\\ud83d"}', "text holds half a surrogate pair"),
    "half a pair among texts": (b'{"texts": ["a", "\\ude00"]}', "texts[1] holds half"),
}


@pytest.fixture
async def topics(supervisor: FakeSupervisor, start_gateway: StartGateway) -> Gateway:
    """A gateway with the text alias topics beside the image alias digits."""
    supervisor.releases.append(a_release("topics", 1, task=Task.TEXT_CLASSIFICATION))
    return await start_gateway()


async def test_a_body_that_is_no_json_with_texts_is_malformed(
    triton: FakeTriton, topics: Gateway
) -> None:
    triton.answers[b"a"] = ranked("world")
    for name, (body, words) in _MALFORMED.items():
        answer = await topics.client.post(
            "/v1/predict/topics",
            content=body,
            headers={**topics.ui, "Content-Type": "application/json"},
        )
        assert answer.status_code == 400, name
        error = answer.json()["error"]
        assert error["code"] == "malformed_json", name
        assert words in error["message"], name
        assert len(error["message"]) < 200, name
    assert triton.asked == []


async def test_a_byte_order_mark_and_a_field_said_twice_do_no_harm(
    triton: FakeTriton, topics: Gateway
) -> None:
    triton.answers[b"a"] = ranked("world")
    for body in (b'\xef\xbb\xbf{"text": "a"}', b'{"text": 7, "text": "a"}'):
        answer = await topics.client.post(
            "/v1/predict/topics",
            content=body,
            headers={**topics.ui, "Content-Type": "Application/JSON; charset=utf-8"},
        )
        assert answer.status_code == 200, body


async def test_an_alias_for_images_takes_no_json_and_says_what_it_takes(
    triton: FakeTriton, topics: Gateway
) -> None:
    answer = await topics.client.post("/v1/predict/digits", json={"text": "a"}, headers=topics.ui)
    assert answer.status_code == 415
    assert "Connection" not in answer.headers
    error = answer.json()["error"]
    assert error["code"] == "unsupported_media_type"
    assert error["message"] == (
        "Content-Type 'application/json' is not taken; this alias classifies images: send "
        "application/octet-stream, image/jpeg, image/png, image/webp or multipart/form-data"
    )
    assert triton.asked == []


@pytest.mark.parametrize(
    ("content_type", "refused"),
    [
        ("image/jpeg", "Content-Type 'image/jpeg' is not taken"),
        ("application/octet-stream", "Content-Type 'application/octet-stream' is not taken"),
        ("multipart/form-data; boundary=x", "Content-Type 'multipart/form-data' is not taken"),
        ("text/plain", "Content-Type 'text/plain' is not taken"),
        ("", "no Content-Type"),
        (None, "no Content-Type"),
    ],
)
async def test_an_alias_for_texts_takes_json_only_and_says_so(
    triton: FakeTriton, topics: Gateway, content_type: str | None, refused: str
) -> None:
    declared = {} if content_type is None else {"Content-Type": content_type}
    answer = await topics.client.post(
        "/v1/predict/topics", content=b'{"text": "a"}', headers={**topics.ui, **declared}
    )
    assert answer.status_code == 415
    error = answer.json()["error"]
    assert error["code"] == "unsupported_media_type"
    assert error["message"] == (
        f"{refused}; this alias classifies texts: send application/json, "
        '{"text": "..."} or {"texts": ["...", ...]}'
    )
    assert triton.asked == []
