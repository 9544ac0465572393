"""`triptych batch`: what is sent, what is written, and how it ends."""

from __future__ import annotations

import contextlib
import io
import json
import signal
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.scripted_http import Answer, as_json
from tests.unit.triptych.client.fake_gateway import route_body
from tests.unit.triptych.client.fake_jobs import ID, JOB
from tests.unit.triptych.command_line import Ended, assert_one_sentence
from tests.unit.triptych.scripted_gateway import ScriptedGateway, scripted_gateway
from triptych.cli.main import main

TABLE = b"index,name,label\r\n0,a/1.png,7\r\n1,a/2.JPG,\r\n2,b.png,1\r\n"
LINES = b'{"index":0}\n{"index":1}\n{"index":2}\n'
RUNNING = {**JOB, "state": "running", "done": 1, "ended_at": None}


@pytest.fixture(autouse=True)
def ctrl_c_is_heard() -> Iterator[None]:
    """As at a terminal: what runs in the background of a shell ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class InterruptAt(dict[str, Answer]):
    """Ctrl-C while a path is asked for the nth time; after that it has another answer."""

    def __init__(self, answers: dict[str, Answer], path: str, nth: int, after: Answer) -> None:
        super().__init__(answers)
        self._path, self._left, self._after = path, nth, after

    def get(self, key: str, default: Any = None) -> Any:
        answer = super().get(key, default)
        if key == self._path:
            self._left -= 1
            if self._left == 0:
                signal.raise_signal(signal.SIGINT)
                self[key] = self._after
        return answer


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gateway(ScriptedGateway):
    """Has made one job, which has ended."""

    def batch(self, *arguments: object) -> Ended:
        return self.run("batch", *arguments)

    @property
    def sent(self) -> bytes:
        (asked,) = [it for it in self.script.asked if it.method == "POST"]
        return asked.body

    def sent_names(self) -> list[str]:
        with tarfile.open(fileobj=io.BytesIO(self.sent)) as tar:
            return tar.getnames()


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Gateway]:
    state_dir = tmp_path / "state"
    state_dir.mkdir()
    with scripted_gateway(monkeypatch, state_dir) as known:
        script = known.script
        texts = {**route_body(("topics_r1", 1)), "alias": "topics", "task": "text-classification"}
        script.answers = {
            "/v1/routes/digits": as_json(route_body(("digits_r1", 1))),
            "/v1/routes/topics": as_json(texts),
            "/v1/jobs?alias=digits": as_json(JOB, 202),
            "/v1/jobs?alias=digits&top_k=2": as_json(JOB, 202),
            "/v1/jobs?alias=topics": as_json(JOB, 202),
            f"/v1/jobs/{ID}": as_json(JOB),
            f"/v1/jobs/{ID}/results?format=csv": Answer(TABLE),
            f"/v1/jobs/{ID}/results?format=jsonl": Answer(LINES),
        }
        yield Gateway(monkeypatch, state_dir, script)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a/1.png", "a/2.JPG", "b.png", "notes.md", "one.txt"):
        file = tmp_path / "photos" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return tmp_path / "photos"


def test_a_folder_becomes_a_table_of_results(
    gateway: Gateway, folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "results.csv"

    ended = gateway.batch(folder, "-o", output)

    assert (ended.exit_code, ended.output) == (0, "")
    assert gateway.sent_names() == ["a/1.png", "a/2.JPG", "b.png"]
    assert output.read_bytes() == TABLE
    assert "2 other files are left out; --glob '*' takes every file." in ended.errors
    assert f"3 items, 812 per second, 1 refused: {output}" in ended.errors
    assert sorted(it.name for it in tmp_path.iterdir()) == ["photos", "results.csv", "state"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--no-recursive"], ["b.png"]),
        (["--glob", "*.md"], ["notes.md"]),
        (["--glob", "a/*", "--top-k", "2"], ["a/1.png", "a/2.JPG"]),
    ],
)
def test_options_say_which_files_count(
    gateway: Gateway, folder: Path, options: list[str], names: list[str]
) -> None:
    ended = gateway.batch(folder, "--detach", *options)

    assert (ended.exit_code, ended.output) == (0, f"{ID}\n")
    assert gateway.sent_names() == names


def test_texts_are_the_lines_of_a_file_and_of_a_folder_its_txt_files(
    gateway: Gateway, folder: Path, tmp_path: Path
) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_bytes("\ufeffsnow\r\n\nZürich".encode())

    gateway.batch(texts, "--alias", "topics", "--detach")

    assert [json.loads(it) for it in gateway.sent.splitlines()] == ["snow", "", "Zürich"]
    gateway.script.asked.clear()
    gateway.batch(folder, "--alias", "topics", "--detach")
    assert gateway.sent_names() == ["one.txt"]


@pytest.mark.parametrize(
    ("name", "alias"), [("x.zip", "digits"), ("x.TGZ", "digits"), ("x.jsonl", "topics")]
)
def test_an_archive_and_lines_of_json_are_sent_as_they_are(
    gateway: Gateway, tmp_path: Path, name: str, alias: str
) -> None:
    (tmp_path / name).write_bytes(b"content")

    assert gateway.batch(tmp_path / name, "--alias", alias, "--detach").exit_code == 0
    assert gateway.sent == b"content"


def test_results_are_lines_of_json_where_the_files_name_says_so(
    gateway: Gateway, tmp_path: Path
) -> None:
    gateway.batch("--resume", ID, "-o", tmp_path / "results.jsonl")
    told = gateway.batch("--resume", ID, "-o", "-", "--format", "jsonl")

    assert (tmp_path / "results.jsonl").read_bytes() == LINES
    assert told.output.encode() == LINES
    assert "1 refused\n" in told.errors


@pytest.mark.parametrize(("options", "exit_code"), [([], 0), (["--strict"], 1)])
def test_refused_items_fail_the_command_only_where_that_is_asked_for(
    gateway: Gateway, tmp_path: Path, options: list[str], exit_code: int
) -> None:
    ended = gateway.batch("--resume", ID, "-o", tmp_path / "results.csv", *options)

    assert ended.exit_code == exit_code
    assert (tmp_path / "results.csv").read_bytes() == TABLE


def test_a_job_that_failed_is_one_sentence_and_no_file(gateway: Gateway, tmp_path: Path) -> None:
    failed = {**JOB, "state": "failed", "sentence": "there is no alias digits", "done": 2}
    gateway.script.answers[f"/v1/jobs/{ID}"] = as_json(failed)

    ended = gateway.batch("--resume", ID, "-o", tmp_path / "results.csv")

    assert (ended.exit_code, ended.output) == (1, "")
    said = ended.errors.splitlines()[-1]
    assert said.startswith(f"Error: job {ID} failed: there is no alias digits; ")
    assert "2 of 3 items" in said
    assert not (tmp_path / "results.csv").exists()


@pytest.mark.parametrize(
    "arguments",
    [[], ["--resume", ID], ["--resume", ID, "FOLDER", "-o", "x.csv"], ["FOLDER"]],
)
def test_what_is_missing_or_too_much_is_said(
    gateway: Gateway, folder: Path, arguments: list[str]
) -> None:
    ended = gateway.batch(*(str(folder) if it == "FOLDER" else it for it in arguments))

    assert ended.exit_code == 2
    assert gateway.script.asked == []


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["FOLDER", "--detach", "-o", "x.csv"], "--detach"),
        (["--resume", ID, "-o", "/nowhere/x.csv"], "/nowhere/x.csv"),
        (["--resume", ID, "-o", "FOLDER"], "photos"),
        (["FOLDER/one.txt", "--detach"], "holds texts"),
        (["FOLDER/notes.md", "--detach"], "notes.md"),
        (["FOLDER/b.png", "--detach", "--glob", "*"], "--glob"),
        (["FOLDER", "--detach", "--glob", "*.gif"], "'*.gif'"),
        (["FOLDER/a", "--detach", "--alias", "topics"], ".txt file"),
    ],
)
def test_options_that_make_no_sense_are_one_sentence_and_no_job(
    gateway: Gateway, folder: Path, arguments: list[str], word: str
) -> None:
    ended = gateway.batch(*(it.replace("FOLDER", str(folder)) for it in arguments))

    assert_one_sentence(ended, word)
    assert [it for it in gateway.script.asked if it.method == "POST"] == []


def test_a_text_that_is_not_utf8_is_one_sentence(gateway: Gateway, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b"snow\n\xff\n")

    ended = gateway.batch(tmp_path / "x.txt", "--alias", "topics", "--detach")

    assert ended.exit_code == 1
    assert "x.txt is not UTF-8" in ended.errors.splitlines()[-1]


def interrupted(gateway: Gateway, path: str, nth: int = 1) -> None:
    cancelled = as_json({**JOB, "state": "cancelled", "done": 1})
    answers = {**gateway.script.answers, f"/v1/jobs/{ID}": as_json(RUNNING)}
    gateway.script.answers = InterruptAt(answers, path, nth, after=cancelled)


def test_ctrl_c_without_a_terminal_leaves_the_job_and_says_how_to_go_on(
    gateway: Gateway, folder: Path, tmp_path: Path
) -> None:
    interrupted(gateway, f"/v1/jobs/{ID}")

    ended = gateway.batch(folder, "-o", tmp_path / "results.csv")

    assert ended.exit_code == 130
    assert f"Job {ID} goes on. Its results: triptych batch --resume {ID} -o " in ended.errors
    assert "DELETE" not in {it.method for it in gateway.script.asked}
    assert not (tmp_path / "results.csv").exists()


def test_ctrl_c_while_items_are_sent_leaves_it_to_the_gateway(
    gateway: Gateway, folder: Path
) -> None:
    interrupted(gateway, "/v1/jobs?alias=digits")

    ended = gateway.batch(folder, "--detach")

    assert (ended.exit_code, ended.output) == (130, "")
    assert "triptych jobs list" in ended.errors


@pytest.mark.parametrize(
    ("typed", "methods", "told"),
    [
        ("y\n", {"GET", "DELETE"}, f"Job {ID} is cancelled, with 1 items answered"),
        ("n\n", {"GET"}, f"Job {ID} goes on"),
        ("", {"GET"}, f"Job {ID} goes on"),
    ],
)
def test_ctrl_c_at_a_terminal_asks_what_becomes_of_the_job(
    *,
    gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    typed: str,
    methods: set[str],
    told: str,
) -> None:
    interrupted(gateway, f"/v1/jobs/{ID}", nth=2)  # the first look is before it waits
    arguments = ["batch", "--resume", ID, "-o", str(tmp_path / "x.csv")]
    monkeypatch.setattr(
        sys, "argv", ["triptych", *arguments, "--state-dir", str(gateway.state_dir)]
    )
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    errors = Terminal()
    with contextlib.redirect_stderr(errors), pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 130
    assert told in errors.getvalue()
    assert {it.method for it in gateway.script.asked} == methods
