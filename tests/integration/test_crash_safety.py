"""`triptych up` is killed at random moments of its start and of its life; then it starts again."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import httpx
import psutil
import pytest

from benchmarks.local_stack import local_stack, port_options
from tests import pictures
from triptych.stack.leftovers import mark_of, processes_with
from triptych.stack.shared_memory import region_prefix

PROJECT: Final = Path(__file__).resolve().parents[2]
REPOSITORY: Final = PROJECT / "model_repository"
# From before the lock is taken until well after the first golden answer.
LONGEST_LIFE_SECONDS: Final = 10.0


def start(state_dir: Path, ports: list[str]) -> subprocess.Popen[bytes]:
    """`up`, in a session of its own as from a terminal; its log goes nowhere."""
    where = ["--state-dir", str(state_dir), "--no-ui"]
    return subprocess.Popen(
        [sys.executable, "-m", "triptych", "up", *where, *ports],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill(process: subprocess.Popen[bytes], state_dir: Path, *, everything: bool) -> None:
    """`up` alone, or at one blow all that it started but one: that one is an orphan then."""
    victims = [process.pid]
    if everything:
        parts = processes_with(mark_of(state_dir), is_prefix=True)
        random.shuffle(parts)
        victims += parts[1:]
    for pid in victims:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:  # its parent was first
            continue
    process.wait()


def rows_are_whole(database: Path) -> bool:
    with sqlite3.connect(database) as connection:
        verdict = connection.execute("PRAGMA integrity_check").fetchall()
    connection.close()
    return verdict == [("ok",)]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("rounds", [3, pytest.param(10, marks=pytest.mark.long)])
def test_a_start_after_any_crash_serves_with_the_same_keys(tmp_path: Path, rounds: int) -> None:
    ports = port_options()
    random.seed(5)
    for number in range(rounds):
        process = start(tmp_path, ports)
        time.sleep(random.uniform(0.1, LONGEST_LIFE_SECONDS))  # noqa: S311 - any moment will do
        kill(process, tmp_path, everything=number % 2 == 1)
    key_file = tmp_path / "admin.key"
    key = key_file.read_text() if key_file.exists() else None

    with local_stack(tmp_path, REPOSITORY, "--no-ui", *ports) as stack:
        assert key in {None, key_file.read_text()}
        answer = httpx.post(
            f"{stack.gateway_url}/v1/predict/digits",
            content=pictures.seven_jpeg(),
            headers={"X-API-Key": stack.admin_key, "Content-Type": "image/jpeg"},
            trust_env=False,
            timeout=20,
        )
        assert answer.status_code == 200, answer.text
        # Only what this start made is there: no part of an earlier one.
        up = psutil.Process(stack.description["pid"])
        ours = {it.pid for it in up.children(recursive=True)}
        assert set(processes_with(mark_of(tmp_path), is_prefix=True)) <= ours
    assert rows_are_whole(tmp_path / "triptych.db")
    assert processes_with(mark_of(tmp_path), is_prefix=True) == []
    shm = Path("/dev/shm")  # noqa: S108 - where Triton puts them
    assert not list(shm.glob(f"{region_prefix(tmp_path)}*"))
    left = {it.name for it in tmp_path.iterdir() if it.name.endswith((".tmp", ".key"))}
    assert left <= {"admin.key", "ui.key"}
