"""`triptych predict` about texts: --text and .txt files, through the gateway and direct."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from python_backends.shared.contract import Status
from tests.fakes.fake_triton import FakeTriton, ranked, refused, running_triton
from tests.fakes.scripted_http import ScriptedServer, as_json, running_server
from tests.unit.triptych.command_line import Ended, assert_one_sentence, run_triptych
from triptych.stack.stack_file import ServiceEntry, StackFile, TritonEntry, seconds_at_start

WORLD = {"predictions": [{"label": "world", "score": 0.75}]}
REFUSED = {"error": {"code": "text_too_large", "message": "too long"}}
TASKS = {"topics": "text-classification", "digits": "image-classification", "odd": "speech"}


@dataclass
class Stack:
    """topics takes texts, digits images, odd something from the future; two items at once."""

    monkeypatch: pytest.MonkeyPatch
    state_dir: Path
    gateway: ScriptedServer
    triton: FakeTriton

    def predict(self, *arguments: object, alias: str = "topics") -> Ended:
        where = ("--alias", alias, "--state-dir", self.state_dir)
        return run_triptych(self.monkeypatch, "predict", *arguments, *where)

    def file(self, name: str, content: bytes) -> Path:
        file = self.state_dir / name
        file.write_bytes(content)
        return file

    def sent(self) -> list[object]:
        """The texts of each call, in their order."""
        asked = [it for it in self.gateway.asked if it.path == "/v1/predict/topics"]
        return [json.loads(it.body)["texts"] for it in asked]


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Stack]:
    with running_server() as supervisor, running_server() as gateway, running_triton() as triton:
        releases = {
            f"{alias}_r1": {"alias": alias, "number": 1, "task": task, "max_batch_size": 2}
            for alias, task in TASKS.items()
        }
        supervisor.answers = {"/releases": as_json(releases)}
        gateway.answers = {
            f"/v1/routes/{alias}": as_json({"task": task, "max_batch_size": 2})
            for alias, task in TASKS.items()
        }
        gateway.answers["/v1/predict/topics"] = as_json({"results": [WORLD, WORLD]})
        (tmp_path / "admin.key").write_text("k3y\n")
        entry = TritonEntry("http://t", triton.address, "http://t/metrics", supervisor.url, 1)
        started = seconds_at_start(os.getpid()) or 0.0
        service = ServiceEntry(gateway.url, 2)
        StackFile(os.getpid(), started, (entry,), service, ui=None).write(tmp_path)
        yield Stack(monkeypatch, tmp_path, gateway, triton)


def test_texts_go_through_the_gateway_no_more_at_once_than_the_release_takes(
    stack: Stack,
) -> None:
    texts = ["one", "two\nlines", "x" * 70, "four"]

    ended = stack.predict(*(part for text in texts for part in ("--text", text)))

    assert ended.exit_code == 0
    assert ended.output.splitlines() == [
        "one: world  0.7500",
        "two lines: world  0.7500",
        f"{'x' * 59}…: world  0.7500",
        "four: world  0.7500",
    ]
    assert stack.sent() == [texts[:2], texts[2:]]


def test_a_refused_text_fails_the_command_and_a_shortened_one_is_marked(stack: Stack) -> None:
    results = [WORLD | {"truncated": True}, REFUSED]
    stack.gateway.answers["/v1/predict/topics"] = as_json({"results": results})

    ended = stack.predict("--text", "long", "--text", "endless")
    as_data = stack.predict("--text", "long", "--text", "endless", "--json")

    assert ended.exit_code == as_data.exit_code == 1
    assert ended.output == (
        "long: world  0.7500  (only its first part was read)\nendless: too long\n"
    )
    assert json.loads(as_data.output) == [
        {"text": "long", "label": "world", "score": 0.75, "error": None, "truncated": True},
        {"text": "endless", "label": None, "score": None, "error": "too long", "truncated": False},
    ]


def test_text_files_are_sent_as_texts(stack: Stack) -> None:
    files = [stack.file("a.txt", "\ufeffZürich".encode()), stack.file("B.TXT", b"two\n")]

    ended = stack.predict(*files)

    assert ended.output == f"{files[0]}: world  0.7500\n{files[1]}: world  0.7500\n"
    assert stack.sent() == [["Zürich", "two\n"]]


def test_texts_go_straight_to_triton_as_texts(stack: Stack) -> None:
    stack.triton.answers = {
        "Zürich".encode(): ranked("world", "sports"),
        b"long": ranked("world", status=Status.TRUNCATED),
        b"endless": refused(Status.TOO_LARGE),
    }

    ended = stack.predict("--direct", "--text", "Zürich", "--text", "long", "--text", "endless")

    assert ended.exit_code == 1
    assert ended.output == (
        "Zürich: world  0.5000\n"
        "long: world  0.5000  (only its first part was read)\n"
        "endless: refused: too_large\n"
    )
    assert [request.model_name for request in stack.triton.asked] == ["topics_r1"] * 2
    assert {item.name for request in stack.triton.asked for item in request.inputs} == {"TEXT"}
    assert stack.gateway.asked == []


def test_a_text_file_goes_straight_to_triton_too(stack: Stack) -> None:
    stack.triton.answers = {b"two": ranked("world")}

    ended = stack.predict("--direct", stack.file("a.txt", b"two"))

    assert ended.exit_code == 0
    assert stack.triton.texts() == ["two"]


def test_files_and_texts_together_are_a_sentence(stack: Stack) -> None:
    ended = stack.predict("--text", "one", stack.file("a.txt", b"two"))

    assert_one_sentence(ended, "files or --text, not both")


@pytest.mark.parametrize("way", [[], ["--direct"]])
def test_what_the_alias_does_not_take_is_a_sentence_and_nothing_is_sent(
    stack: Stack, way: list[str]
) -> None:
    picture = stack.file("seven.jpg", b"seven")

    text_for_images = stack.predict("--text", "one", *way, alias="digits")
    picture_for_texts = stack.predict(picture, *way)
    from_the_future = stack.predict("--text", "one", *way, alias="odd")

    assert_one_sentence(text_for_images, "'digits'", "classifies images, not texts")
    assert_one_sentence(picture_for_texts, "'topics'", "classifies texts", str(picture), ".txt")
    assert_one_sentence(from_the_future, "'odd'", "'speech'")
    assert stack.triton.asked == []
    assert stack.sent() == []


@pytest.mark.parametrize("way", [[], ["--direct"]])
def test_bytes_that_are_no_utf8_are_a_sentence_and_nothing_is_sent(
    stack: Stack, way: list[str]
) -> None:
    good, bad = stack.file("good.txt", b"good"), stack.file("bad.txt", b"\xe9t\xe9")

    in_a_file = stack.predict(good, bad, *way)
    on_the_command_line = stack.predict("--text", "\udce9t\udce9", *way)

    assert_one_sentence(in_a_file, str(bad), "not UTF-8")
    assert_one_sentence(on_the_command_line, "--text", "not UTF-8")
    assert stack.triton.asked == []
    assert stack.sent() == []
