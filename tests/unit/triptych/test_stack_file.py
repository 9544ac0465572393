from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from triptych.errors import NotRunning
from triptych.stack.stack_file import (
    ServiceEntry,
    StackFile,
    TritonEntry,
    read_stack,
    remove_stack_file,
    seconds_at_start,
)

RUNNING = StackFile(
    pid=os.getpid(),
    started=seconds_at_start(os.getpid()) or 0.0,
    tritons=(
        TritonEntry(
            http="http://127.0.0.1:8000",
            grpc="127.0.0.1:8001",
            metrics="http://127.0.0.1:8002/metrics",
            supervisor="http://127.0.0.1:8003",
            pid=11,
        ),
    ),
    gateway=ServiceEntry("http://127.0.0.1:8080", 12),
    ui=ServiceEntry("http://127.0.0.1:8501", 13),
)


@pytest.mark.parametrize("stack", [RUNNING, replace(RUNNING, ui=None)])
def test_what_was_written_is_read_back(tmp_path: Path, stack: StackFile) -> None:
    stack.write(tmp_path)

    assert read_stack(tmp_path) == stack
    assert [file.name for file in tmp_path.iterdir()] == ["stack.json"]


def test_the_file_has_the_shape_that_others_rely_on(tmp_path: Path) -> None:
    RUNNING.write(tmp_path)

    body = json.loads((tmp_path / "stack.json").read_text())

    triton = {
        "http": "http://127.0.0.1:8000",
        "grpc": "127.0.0.1:8001",
        "metrics": "http://127.0.0.1:8002/metrics",
        "supervisor": "http://127.0.0.1:8003",
        "pid": 11,
        "supervisor_pid": 0,
        "restarts": 0,
    }
    assert body["tritons"] == [triton]
    assert body["triton"] == triton
    assert body["gateway"] == {"url": "http://127.0.0.1:8080", "pid": 12, "restarts": 0}
    assert body["ui"] == {"url": "http://127.0.0.1:8501", "pid": 13, "restarts": 0}


def test_without_a_file_nothing_runs_and_the_sentence_says_how_to_start(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match=f"No stack runs in {tmp_path}; .*triptych up"):
        read_stack(tmp_path)


def test_a_removed_file_says_that_nothing_runs(tmp_path: Path) -> None:
    RUNNING.write(tmp_path)

    remove_stack_file(tmp_path)
    remove_stack_file(tmp_path)  # there is nothing left to remove, and that is fine

    with pytest.raises(NotRunning):
        read_stack(tmp_path)


def test_the_file_of_a_stack_that_died_counts_as_nothing_running(tmp_path: Path) -> None:
    ended = subprocess.Popen(["/bin/true"])
    ended.wait()
    replace(RUNNING, pid=ended.pid).write(tmp_path)

    with pytest.raises(NotRunning, match="ended without saying so"):
        read_stack(tmp_path)


def test_a_pid_that_belongs_to_another_process_by_now_counts_as_nothing_running(
    tmp_path: Path,
) -> None:
    replace(RUNNING, started=RUNNING.started - 3600).write(tmp_path)

    with pytest.raises(NotRunning, match="ended without saying so"):
        read_stack(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"pid": 1, "started": 2}', "\x00"])
def test_a_file_that_cannot_be_understood_is_a_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "stack.json").write_text(content)

    with pytest.raises(NotRunning, match=r"stack\.json cannot be read"):
        read_stack(tmp_path)


def test_a_file_with_an_entry_that_nobody_knows_is_a_sentence(tmp_path: Path) -> None:
    RUNNING.write(tmp_path)
    body = json.loads((tmp_path / "stack.json").read_text())
    body["gateway"]["colour"] = "blue"
    (tmp_path / "stack.json").write_text(json.dumps(body))

    with pytest.raises(NotRunning, match="colour"):
        read_stack(tmp_path)
