"""Answers that no gateway of ours gives: too deep, too long, without an end."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.ui.test_gateway_http import IMAGE, KEY, answering, caller_for
from ui.calls.predictions import predict
from ui.calls.routes import list_routes
from ui.errors import AnswerNotUnderstood, GatewayTimedOut, RequestRefused


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(KEY)
    return path


@pytest.mark.parametrize(
    "score",
    [b"NaN", b'"nan"', b"1e999", b"Infinity", b"[" * 100_000, b'"\\ud83d"', b"{}", b"1" * 5_000],
    ids=[
        "no number",
        "a word for none",
        "past all numbers",
        "infinite",
        "too deep",
        "no character",
        "another type",
        "too many digits",
    ],
)
def test_json_that_nobody_can_show_is_an_answer_that_is_not_understood(
    key_file: Path, score: bytes
) -> None:
    labels = b'"predictions": [{"label": "7", "score": %s}]' % score
    timing = b'"timing": {"total_ms": 1, "triton_ms": 1}'
    body = b'{"request_id": "r", "alias": "a", "release": "a_r1", %s, %s}' % (labels, timing)

    with pytest.raises(AnswerNotUnderstood):
        predict(caller_for(answering(200, content=body), key_file), IMAGE, alias="a", top_k=1)


def test_a_revision_without_end_is_not_understood(key_file: Path) -> None:
    route = b'{"alias": "a", "task": "t", "arms": [{"release": "a_r1", "weight": 1e999}]}'

    with pytest.raises(AnswerNotUnderstood):
        list_routes(caller_for(answering(200, content=b'{"routes": [%s]}' % route), key_file))


@pytest.mark.parametrize("said", ["[" * 100_000, '{"error": {"message": "\\udc00"}}'])
def test_a_refusal_that_nobody_can_show_is_one_without_words(key_file: Path, said: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        list_routes(caller_for(answering(500, content=said.encode()), key_file))

    assert (refused.value.code, refused.value.message) == ("", "")


def test_a_request_id_is_text_whatever_was_sent(key_file: Path) -> None:
    body = {"error": {"code": "x", "message": "No.", "request_id": 17}}

    with pytest.raises(RequestRefused) as refused:
        list_routes(caller_for(answering(400, json=body), key_file))

    assert refused.value.request_id == "17"


def test_an_answer_that_never_ends_is_not_waited_for(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = iter(range(1_000))
    monkeypatch.setattr("ui.calls.gateway_http.time.monotonic", lambda: float(next(passed)))

    def spaces() -> Iterator[bytes]:
        while True:
            yield b" "

    with pytest.raises(GatewayTimedOut):
        list_routes(caller_for(answering(200, content=spaces()), key_file))
    assert next(passed) < 10


def test_a_packed_answer_is_unpacked_once(key_file: Path) -> None:
    packed = gzip.compress(b'{"routes": []}')
    headers = {"Content-Encoding": "gzip"}

    assert list_routes(caller_for(answering(200, content=packed, headers=headers), key_file)) == ()
