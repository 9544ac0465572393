"""Logs of parts that run for a month, and a disk that is full."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.triptych.waiting import wait_until
from triptych.stack import keeper
from triptych.stack.child_process import ChildProcess
from triptych.stack.keeper import Keeper, Parts
from triptych.stack.log_files import shorten_logs
from triptych.stack.settings import StackSettings

CHATTERS = "while sleep 0.01; do echo said something; done"


def test_a_log_that_is_too_long_begins_anew_while_it_is_written(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    child = ChildProcess("part", ["sh", "-c", CHATTERS], environment={}, log_file=log)
    try:
        wait_until(lambda: log.stat().st_size > 100)
        shorten_logs(tmp_path, longest_bytes=100)
        wait_until(lambda: log.stat().st_size > 0)
    finally:
        child.stop(0)

    assert log.read_bytes().startswith(b"said")  # no hole where the old lines were
    assert (tmp_path / "part.log.previous").read_bytes().startswith(b"said something")


def test_a_short_log_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "part.log").write_text("short")
    shorten_logs(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["part.log"]


class _Enough(Exception):
    pass


def test_a_full_disk_does_not_end_the_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = StackSettings.model_validate({"state_dir": tmp_path, "supervisor_port": 9})
    told: list[str] = []
    process = SimpleNamespace(pid=1)
    gateway: Any = SimpleNamespace(look=lambda: None, child=process, restarts=0, is_up=True)
    it = Keeper(settings, Parts([gateway], gateway), told.append)
    (tmp_path / "stack.tmp").mkdir()  # so that nobody can write it
    monkeypatch.setattr(keeper, "time", _Clock(rounds=3))

    with pytest.raises(_Enough):
        it.keep_up()

    (trouble,) = told
    assert "cannot be written" in trouble


class _Clock:
    """Ends the loop after so many pauses."""

    monotonic: Callable[[], float] = staticmethod(time.monotonic)

    def __init__(self, rounds: int) -> None:
        self._left = rounds

    def sleep(self, _seconds: float) -> None:
        self._left -= 1
        if not self._left:
            raise _Enough
