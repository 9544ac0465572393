from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import Any

import psutil
import pytest

from tests.unit.triptych.waiting import DEADLINE_SECONDS, wait_until
from triptych.stack.child_process import ChildProcess, last_words, stop_all


def start(tmp_path: Path, script: str, name: str = "child") -> ChildProcess:
    """Start a shell script; `exec` keeps it one process where that matters."""
    return ChildProcess(
        name,
        ["/bin/sh", "-c", script],
        environment={"PATH": os.environ["PATH"], "GREETING": "hello"},
        log_file=tmp_path / "logs" / f"{name}.log",
    )


class Interrupted(Exception):
    """What a signal handler raises."""


def interrupted_at(line: int, call: Callable[[], object]) -> bool:
    """Break a call off at its n-th line, wherever that is; False: it has fewer."""
    left = line

    def trace(_frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal left
        left -= event == "line"
        if left < 0:
            sys.settrace(None)
            raise Interrupted
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except Interrupted:
        return True
    finally:
        sys.settrace(before)
    return False


def number_in(file: Path) -> int:
    wait_until(lambda: file.is_file() and file.read_text().endswith("\n"))
    return int(file.read_text())


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_output_of_both_kinds_goes_to_the_log_and_the_environment_is_the_given_one(
    tmp_path: Path,
) -> None:
    child = start(tmp_path, 'echo "$GREETING"; echo "home is [$HOME]" >&2; exit 3')
    wait_until(lambda: child.exit_code() is not None)

    assert child.exit_code() == 3
    assert (tmp_path / "logs" / "child.log").read_text() == "hello\nhome is []\n"
    assert child.last_words() == "home is []"
    child.stop(grace_seconds=0)  # of one that has ended: nothing to do, no error


def test_a_running_child_has_no_exit_code_and_ends_when_asked(tmp_path: Path) -> None:
    child = start(tmp_path, "exec sleep 60")

    assert child.exit_code() is None
    assert os.getpgid(child.pid) == child.pid != os.getpgid(0)
    child.stop(grace_seconds=DEADLINE_SECONDS)

    assert child.exit_code() == -signal.SIGTERM


def test_a_child_that_ignores_being_asked_is_killed_after_its_grace(tmp_path: Path) -> None:
    child = start(tmp_path, f"trap '' TERM; echo 1 >{tmp_path}/deaf; while :; do sleep 60; done")
    number_in(tmp_path / "deaf")

    child.stop(grace_seconds=0.05)

    assert child.exit_code() == -signal.SIGKILL


def test_a_child_that_ends_in_its_grace_may_finish_its_work(tmp_path: Path) -> None:
    script = f"trap 'echo tidy; exit 0' TERM; echo 1 >{tmp_path}/up; while :; do sleep 0.01; done"
    child = start(tmp_path, script)
    number_in(tmp_path / "up")

    child.stop(grace_seconds=DEADLINE_SECONDS)

    assert child.exit_code() == 0
    assert child.last_words() == "tidy"


@pytest.mark.parametrize("leader_ends_first", [False, True])
def test_grandchildren_left_in_the_group_are_ended_too(
    tmp_path: Path, leader_ends_first: bool
) -> None:
    pid_file = tmp_path / "grandchild"
    wait = "" if leader_ends_first else "; wait"
    child = start(tmp_path, f"(trap '' TERM; exec sleep 60) & echo $! >{pid_file}{wait}")
    grandchild = number_in(pid_file)
    if leader_ends_first:
        wait_until(lambda: child.exit_code() is not None)
    assert not is_gone(grandchild)

    child.stop(grace_seconds=DEADLINE_SECONDS)

    wait_until(lambda: is_gone(grandchild))


def test_a_child_is_asked_to_end_when_its_parent_is_killed(tmp_path: Path) -> None:
    pid_file = tmp_path / "grandchild"
    program = (
        "import sys, time; from pathlib import Path\n"
        "from triptych.stack.child_process import ChildProcess\n"
        f"log, pid_file = Path({str(tmp_path / 'log')!r}), Path({str(pid_file)!r})\n"
        "child = ChildProcess('c', ['/bin/sleep', '60'], environment={}, log_file=log)\n"
        "pid_file.write_text(f'{child.pid}\\n')\n"
        "time.sleep(60)\n"
    )
    parent = ChildProcess(
        "parent",
        [sys.executable, "-c", program],
        environment=os.environ,
        log_file=tmp_path / "parent.log",
    )
    grandchild = number_in(pid_file)
    # setpriv asks the kernel and then becomes the command; before that a death goes unnoticed.
    wait_until(lambda: psutil.Process(grandchild).name() == "sleep")

    os.kill(parent.pid, signal.SIGKILL)

    wait_until(lambda: is_gone(grandchild))
    parent.stop(grace_seconds=0)


@pytest.mark.parametrize("broken_off", ["looking", "stopping"])
def test_a_child_ends_whatever_line_a_signal_broke_its_keeper_off_at(
    tmp_path: Path, broken_off: str
) -> None:
    for line in count():
        child = start(tmp_path, "exit 7")
        wait_until(partial(is_gone, child.pid))
        calls: dict[str, Callable[[], object]] = {
            "looking": child.exit_code,
            "stopping": partial(child.stop, 0.01),
        }
        is_left = interrupted_at(line, calls[broken_off])

        stopper = Thread(target=child.stop, args=[0.01], daemon=True)
        stopper.start()
        stopper.join(DEADLINE_SECONDS)

        assert not stopper.is_alive(), f"broken off at line {line}, it never ends"
        assert child.exit_code() == 7
        assert not psutil.pid_exists(child.pid)  # buried
        if not is_left:
            break
    assert line > 3


def test_several_children_are_asked_at_once_so_that_none_waits_for_anothers_end(
    tmp_path: Path,
) -> None:
    polite_end = tmp_path / "polite_end"
    patient = start(
        tmp_path,
        f"trap '' TERM; echo 1 >{tmp_path}/1; until [ -e {polite_end} ]; do sleep 0.01; done",
        "patient",  # ends only once the other one has ended
    )
    polite = start(
        tmp_path,
        f"trap 'touch {polite_end}; exit 0' TERM; echo 1 >{tmp_path}/2; "
        "while :; do sleep 0.01; done",
        "polite",
    )
    ended = start(tmp_path, "exit 7", "ended")
    number_in(tmp_path / "1")
    number_in(tmp_path / "2")
    wait_until(lambda: ended.exit_code() is not None)

    stop_all([patient, polite, ended], grace_seconds=DEADLINE_SECONDS)

    assert [child.exit_code() for child in (patient, polite, ended)] == [0, 0, 7]


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("", "its log is empty"),
        ("\n  \n", "its log is empty"),
        ("first\nlast\n\n", "last"),
        ("Traceback\n  Error: Port 1 is in use.\n", "Port 1 is in use."),
        (b"ok\n\xff broken\n".decode("latin-1"), "ÿ broken"),
    ],
)
def test_the_last_line_that_says_anything_is_a_logs_last_words(
    tmp_path: Path, log: str, words: str
) -> None:
    (tmp_path / "log").write_text(log, encoding="utf-8")

    assert last_words(tmp_path / "log") == words


def test_a_log_that_is_not_text_still_has_last_words(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"\xff\xfe\x00died\n")

    assert last_words(tmp_path / "log").endswith("died")


def test_a_program_that_does_not_exist_ends_at_once_and_its_log_says_why(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"]}
    child = ChildProcess("x", ["/nowhere/x"], environment=environment, log_file=tmp_path / "log")
    wait_until(lambda: child.exit_code() is not None)

    assert child.exit_code() == 127
    assert "/nowhere/x" in child.last_words()
