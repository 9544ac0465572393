"""Commands against a running stack, whose parts are small servers with a script."""

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
from tests.unit.triptych.command_line import assert_one_sentence, run_triptych
from triptych.stack.stack_file import ServiceEntry, StackFile, TritonEntry, seconds_at_start

SINCE = "2026-01-02T03:04:05.678Z"
SEVEN = {"predictions": [{"label": "7", "score": 0.75}, {"label": "1", "score": 0.25}]}
REFUSED = {"error": {"code": "undecodable_image", "message": "not an image"}}


@dataclass
class Stack:
    state_dir: Path
    supervisor: ScriptedServer
    gateway: ScriptedServer
    triton: FakeTriton

    def files(self, *contents: bytes) -> list[Path]:
        files = [self.state_dir / f"{number}.jpg" for number, _ in enumerate(contents)]
        for file, content in zip(files, contents, strict=True):
            file.write_bytes(content)
        return files


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack without UI that is ready and serves digits_r1 and digits_r2, two images at once."""
    with running_server() as supervisor, running_server() as gateway, running_triton() as triton:
        ready = as_json({"ready": True, "since": SINCE, "reason": None})
        releases = {
            f"digits_r{number}": {
                "alias": "digits",
                "number": number,
                "task": "image-classification",
                "max_batch_size": 2,
                "state": "ready",
                "last_canary": SINCE,
                "canary_ms": 3.25,
            }
            for number in (2, 1)
        }
        supervisor.answers = {"/readyz": ready, "/releases": as_json(releases)}
        gateway.answers = {
            "/readyz": ready,
            "/v1/routes/digits": as_json({"task": "image-classification", "max_batch_size": 2}),
            "/v1/predict/digits": as_json({"results": [SEVEN, REFUSED]}),
        }
        (tmp_path / "admin.key").write_text("k3y\n")
        entry = TritonEntry("http://t", triton.address, "http://t/metrics", supervisor.url, 1)
        started = seconds_at_start(os.getpid()) or 0.0
        service = ServiceEntry(gateway.url, 2)
        StackFile(os.getpid(), started, (entry,), service, ui=None).write(tmp_path)
        yield Stack(tmp_path, supervisor, gateway, triton)


def test_status_of_a_ready_stack_names_parts_and_releases(
    monkeypatch: pytest.MonkeyPatch, stack: Stack
) -> None:
    ended = run_triptych(monkeypatch, "status", "--state-dir", stack.state_dir)

    assert ended.exit_code == 0
    assert [line.split()[:2] for line in ended.output.splitlines()] == [
        ["triton", "ready"],
        ["gateway", "ready"],
        ["digits_r2", "ready"],
        ["digits_r1", "ready"],
    ]
    assert "3.25 ms" in ended.output


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ({"phase": "building", "key": "ab", "reason": None}, " ms, TensorRT plan building"),
        ({"phase": "refused", "key": "ab", "reason": "no"}, " ms, TensorRT plan refused: no"),
        (None, " ms"),
    ],
)
def test_status_tells_of_plans(
    monkeypatch: pytest.MonkeyPatch, stack: Stack, plan: object, told: str
) -> None:
    release = {"state": "ready", "last_canary": SINCE, "canary_ms": 3.25, "plan": plan}
    stack.supervisor.answers["/releases"] = as_json({"digits_r1": release})

    ended = run_triptych(monkeypatch, "status", "--state-dir", stack.state_dir)

    assert ended.output.splitlines()[-1].endswith(f"3.25{told}")


def test_status_of_a_stack_that_is_not_ready_says_why_and_fails(
    monkeypatch: pytest.MonkeyPatch, stack: Stack
) -> None:
    body = {"ready": False, "since": SINCE, "reason": "Triton ended by itself"}
    stack.supervisor.answers["/readyz"] = as_json(body, status=503)

    ended = run_triptych(monkeypatch, "status", "--state-dir", stack.state_dir)
    as_data = run_triptych(monkeypatch, "status", "--json", "--state-dir", stack.state_dir)

    assert ended.exit_code == as_data.exit_code == 1
    assert f"NOT READY since {SINCE}: Triton ended by itself" in ended.output
    assert json.loads(as_data.output)["ready"] is False


def test_predict_prints_a_verdict_per_file_and_fails_if_one_was_refused(
    monkeypatch: pytest.MonkeyPatch, stack: Stack
) -> None:
    first, second = stack.files(b"seven", b"text")

    ended = run_triptych(monkeypatch, "predict", first, second, "--state-dir", stack.state_dir)

    assert ended.exit_code == 1
    assert ended.output == f"{first}: 7  0.7500\n{second}: not an image\n"
    assert stack.gateway.asked[-1].headers["authorization"] == "Bearer k3y"


def test_predict_sends_no_more_files_at_once_than_the_release_takes(
    monkeypatch: pytest.MonkeyPatch, stack: Stack
) -> None:
    stack.gateway.answers["/v1/predict/digits"] = as_json({"results": [SEVEN, SEVEN]})
    files = stack.files(b"1", b"2", b"3", b"4")

    ended = run_triptych(monkeypatch, "predict", "--json", *files, "--state-dir", stack.state_dir)

    sent = [asked for asked in stack.gateway.asked if asked.path == "/v1/predict/digits"]
    assert [asked.body.count(b"filename=") for asked in sent] == [2, 2]
    assert ended.exit_code == 0
    assert json.loads(ended.output)[3] == {
        "file": str(files[3]),
        "label": "7",
        "score": 0.75,
        "error": None,
        "truncated": False,
    }


def test_predict_direct_asks_the_first_release_in_triton_itself(
    monkeypatch: pytest.MonkeyPatch, stack: Stack
) -> None:
    stack.triton.answers = {b"seven": ranked("7", "1"), b"huge": refused(Status.TOO_LARGE)}
    files = stack.files(b"seven", b"huge", b"seven")

    ended = run_triptych(monkeypatch, "predict", "--direct", *files, "--state-dir", stack.state_dir)

    assert ended.output == (
        f"{files[0]}: 7  0.5000\n{files[1]}: refused: too_large\n{files[2]}: 7  0.5000\n"
    )
    assert ended.exit_code == 1
    assert [request.model_name for request in stack.triton.asked] == ["digits_r1"] * 2
    assert stack.gateway.asked == []


def test_predict_direct_names_the_aliases_there_are(
    monkeypatch: pytest.MonkeyPatch, stack: Stack
) -> None:
    (file,) = stack.files(b"seven")

    ended = run_triptych(
        monkeypatch, "predict", "--direct", "--alias", "cats", file, "--state-dir", stack.state_dir
    )

    assert_one_sentence(ended, "no alias 'cats'", "digits")


def test_a_gateway_that_answers_otherwise_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, stack: Stack
) -> None:
    stack.gateway.answers["/v1/predict/digits"] = as_json({"results": [{"verdict": 7}]})
    (file,) = stack.files(b"seven")

    ended = run_triptych(monkeypatch, "predict", file, "--state-dir", stack.state_dir)

    assert_one_sentence(ended, "answered in a way", "verdict")


def test_a_new_key_is_shown_with_what_it_may_do(
    monkeypatch: pytest.MonkeyPatch, stack: Stack
) -> None:
    made = {"id": "ab12", "name": "phone", "scopes": ["predict"], "key": "shown-once"}
    stack.gateway.answers["/v1/admin/keys"] = as_json(made, status=201)

    ended = run_triptych(monkeypatch, "keys", "create", "phone", "--state-dir", stack.state_dir)

    assert ended.output.splitlines()[-1] == "shown-once"
    assert json.loads(stack.gateway.asked[-1].body) == {"name": "phone", "scopes": ["predict"]}


def test_keys_are_listed_with_their_state_and_revoked_by_id(
    monkeypatch: pytest.MonkeyPatch, stack: Stack
) -> None:
    keys = [
        {"id": "ab12", "name": "phone", "scopes": ["predict"], "revoked_at": None},
        {"id": "cd34", "name": "old", "scopes": ["admin"], "revoked_at": SINCE},
    ]
    stack.gateway.answers["/v1/admin/keys"] = as_json({"keys": keys})
    stack.gateway.answers["/v1/admin/keys/ab12"] = as_json({})

    listed = run_triptych(monkeypatch, "keys", "list", "--state-dir", stack.state_dir)
    revoked = run_triptych(monkeypatch, "keys", "revoke", "ab12", "--state-dir", stack.state_dir)

    assert [line.split() for line in listed.output.splitlines()] == [
        ["ID", "NAME", "SCOPES", "STATE", "LAST-USED", "REQUESTS/30D", "LIMITS"],
        ["ab12", "phone", "predict", "live", "?", "?"],
        ["cd34", "old", "admin", "revoked", SINCE, "?", "?"],
    ]
    assert revoked.output == "Key ab12 is revoked.\n"
    assert stack.gateway.asked[-1].method == "DELETE"


def test_an_admin_key_that_is_gone_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, stack: Stack
) -> None:
    (stack.state_dir / "admin.key").unlink()

    ended = run_triptych(monkeypatch, "keys", "list", "--state-dir", stack.state_dir)

    assert_one_sentence(ended, "admin.key")
