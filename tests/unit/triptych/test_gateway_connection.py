from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.scripted_http import Answer, ScriptedServer, as_json, running_server
from triptych.client.gateway import GatewayConnection
from triptych.errors import CallFailed


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with running_server() as script:
        yield script


def test_an_image_travels_as_raw_bytes_with_the_key(server: ScriptedServer) -> None:
    server.answers["/v1/predict/digits"] = as_json({"predictions": []})

    with GatewayConnection(server.url, "k3y") as gateway:
        answer = gateway.classify_image("digits", b"\xff\xd8picture")

    (asked,) = server.asked
    assert answer == {"predictions": []}
    assert (asked.method, asked.body) == ("POST", b"\xff\xd8picture")
    assert asked.headers["authorization"] == "Bearer k3y"
    assert asked.headers["content-type"] == "application/octet-stream"


def test_files_travel_as_one_form_in_order(server: ScriptedServer, tmp_path: Path) -> None:
    server.answers["/v1/predict/digits"] = as_json({"results": []})
    files = [tmp_path / "b.jpg", tmp_path / "a.jpg"]
    for file in files:
        file.write_bytes(file.name.encode() * 3)

    with GatewayConnection(server.url, "k3y") as gateway:
        gateway.classify_files("digits", files)

    (asked,) = server.asked
    assert asked.headers["content-type"].startswith("multipart/form-data")
    assert asked.body.index(b"b.jpgb.jpgb.jpg") < asked.body.index(b"a.jpga.jpga.jpg")


def test_a_text_and_several_texts_travel_as_json(server: ScriptedServer) -> None:
    server.answers["/v1/predict/topics"] = as_json({"predictions": []})

    with GatewayConnection(server.url, "k3y") as gateway:
        answer = gateway.classify_text("topics", "Zürich")
        gateway.classify_texts("topics", ("a", "\ud83d"))  # the second is for the gateway to refuse

    one, several = server.asked
    assert answer == {"predictions": []}
    assert json.loads(one.body) == {"text": "Zürich"}
    assert json.loads(several.body) == {"texts": ["a", "\ud83d"]}
    assert one.headers["content-type"] == several.headers["content-type"] == "application/json"
    assert one.headers["authorization"] == "Bearer k3y"


def test_keys_are_made_listed_and_revoked(server: ScriptedServer) -> None:
    server.answers["/v1/admin/keys"] = as_json({"keys": [{"id": "1"}], "key": "shown once"})
    server.answers["/v1/admin/keys/1"] = Answer(status=204)

    with GatewayConnection(server.url, "k3y") as gateway:
        made = gateway.create_key("phone", ["predict", "metrics"])
        listed = gateway.list_keys()
        gateway.revoke_key("1")

    assert made["key"] == "shown once"
    assert listed == [{"id": "1"}]
    assert json.loads(server.asked[0].body) == {"name": "phone", "scopes": ["predict", "metrics"]}
    assert (server.asked[2].method, server.asked[2].path) == ("DELETE", "/v1/admin/keys/1")


def test_keys_are_changed_and_rotated(server: ScriptedServer) -> None:
    server.answers["/v1/admin/keys/1"] = as_json({"id": "1", "name": "tablet"})
    server.answers["/v1/admin/keys/1/rotate"] = as_json({"id": "1", "key": "shown once"})

    with GatewayConnection(server.url, "k3y") as gateway:
        changed = gateway.change_key("1", {"name": "tablet", "max_concurrency": None})
        rotated = gateway.rotate_key("1", 60)

    assert (changed["name"], rotated["key"]) == ("tablet", "shown once")
    assert server.asked[0].method == "PATCH"
    assert json.loads(server.asked[0].body) == {"name": "tablet", "max_concurrency": None}
    assert json.loads(server.asked[1].body) == {"grace_seconds": 60}


def test_the_batch_size_is_the_routes(server: ScriptedServer) -> None:
    described = {"task": "image-classification", "max_batch_size": 32}
    server.answers["/v1/routes/digits"] = as_json(described)

    with GatewayConnection(server.url, "k3y") as gateway:
        assert gateway.max_batch_size("digits") == 32
        assert gateway.route("digits") == described


def test_a_refusal_is_one_sentence_with_status_and_code(server: ScriptedServer) -> None:
    error = {"code": "unknown_alias", "message": "there is no alias 'cats'", "request_id": "r"}
    server.answers["/v1/predict/cats"] = as_json({"error": error}, status=404)

    with GatewayConnection(server.url, "k3y") as gateway, pytest.raises(CallFailed) as caught:
        gateway.classify_image("cats", b"x")

    assert str(caught.value) == "there is no alias 'cats' (404 unknown_alias)"


@pytest.mark.parametrize(
    "answer", [Answer(b"<html>bad gateway", 502), as_json({"detail": "x"}, 502), as_json([], 502)]
)
def test_a_refusal_by_something_else_in_between_is_told_by_its_status(
    server: ScriptedServer, answer: Answer
) -> None:
    server.answers["/v1/predict/digits"] = answer

    with (
        GatewayConnection(server.url, "k3y") as gateway,
        pytest.raises(CallFailed, match=r"^the gateway answered 502$"),
    ):
        gateway.classify_image("digits", b"x")


def test_a_gateway_that_does_not_answer_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        port = closed_soon.getsockname()[1]

    with (
        GatewayConnection(f"http://127.0.0.1:{port}", "k3y") as gateway,
        pytest.raises(CallFailed, match=rf"^The gateway at http://127\.0\.0\.1:{port}\b.* answer"),
    ):
        gateway.list_keys()


def test_a_proxy_meant_for_the_internet_is_not_asked(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    server.answers["/v1/routes/digits"] = as_json({"max_batch_size": 8})

    with GatewayConnection(server.url, "k3y") as gateway:
        assert gateway.max_batch_size("digits") == 8
