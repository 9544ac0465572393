from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from triptych.stack.kept_part import KeptPart
from triptych.stack.leftovers import MARK, end_leftovers, mark_of, processes_with
from triptych.stack.quiet_restarts import QuietRestarts
from triptych.stack.services import Service


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def part(tmp_path: Path, clock: Clock) -> Iterator[KeptPart]:
    """A shell that waits, and a child of it in a session of its own."""
    script = "echo begun; setsid sleep 60 & exec sleep 60"
    service = Service(
        "The part",
        ("/bin/sh", "-c", script),
        dict(os.environ),
        tmp_path / "part.log",
        "http://nowhere",
        mark_of(tmp_path, "part"),
    )
    made = KeptPart(service, leftovers_seconds=5.0, clock=clock)
    yield made
    made.child.stop(1)
    end_leftovers(tmp_path, 5)


def wait_for_the_end(part: KeptPart) -> str:
    deadline = time.monotonic() + 10
    while (told := part.look()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return told


def wait_for_the_start(part: KeptPart) -> None:
    deadline = time.monotonic() + 10
    while not part.is_up:
        part.look()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wait_for_its_child(part: KeptPart) -> None:
    deadline = time.monotonic() + 10
    while len(processes_with(part.service.mark)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_part_that_ended_is_back_once_nothing_of_it_is_left(part: KeptPart, clock: Clock) -> None:
    wait_for_its_child(part)
    first = part.child.pid
    os.kill(first, signal.SIGKILL)

    told = wait_for_the_end(part)

    assert told == "The part was ended by SIGKILL; it is started again at once."
    part.look()
    assert not part.is_up  # the child in its own session still is there
    clock.now += 6
    wait_for_the_start(part)
    assert (part.restarts, part.child.pid != first) == (1, True)
    log = part.service.log_file.read_text()
    assert log.startswith("begun\n")


def test_one_that_ends_again_and_again_waits_longer_each_time(part: KeptPart, clock: Clock) -> None:
    pauses = []
    for _ in range(4):
        os.kill(part.child.pid, signal.SIGKILL)
        pauses.append(wait_for_the_end(part).rpartition("again ")[2])
        clock.now += 100
        wait_for_the_start(part)
        clock.now += 10
    assert pauses == ["at once.", "in 1 s.", "in 2 s.", "in 4 s."]
    clock.now += 60
    os.kill(part.child.pid, signal.SIGKILL)
    assert wait_for_the_end(part).endswith("at once.")


def test_what_another_start_left_is_found_by_its_mark_and_ended(tmp_path: Path) -> None:
    script = (
        "import signal,time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    )
    environment = {**os.environ, MARK: mark_of(tmp_path, "gateway")}
    with subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE
    ) as stubborn:
        assert stubborn.stdout is not None
        stubborn.stdout.readline()
        assert processes_with(mark_of(tmp_path / "other"), is_prefix=True) == []
        # It is our child, so that it stays a zombie until it is waited for: those carry no mark.
        assert end_leftovers(tmp_path, 0.2) == [stubborn.pid]
        assert stubborn.wait(5) == -signal.SIGKILL


class ScriptedWatch:
    def __init__(self, *said: dict[str, object] | None) -> None:
        self.urls = tuple("abc"[: len(said)])
        self._said = said
        self.asked: list[int] = []

    def say(self, *said: dict[str, object] | None) -> None:
        self._said = said

    def said(self, index: int) -> dict[str, object] | None:
        return self._said[index]

    def ask_for_restart(self, index: int) -> bool:
        self.asked.append(index)
        return True


READY: dict[str, object] = {"ready": True, "restart_wanted": None}
WANTS: dict[str, object] = {"ready": True, "restart_wanted": "it leaked"}


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ((WANTS,), []),  # alone it sees to itself
        ((READY, WANTS), [1]),
        ((WANTS, WANTS), [0]),
        (({**READY, "ready": False}, WANTS), []),
        ((READY, {**WANTS, "ready": False}), []),  # a heal is faster
        ((None, WANTS), []),
        ((READY, READY), []),
    ],
)
def test_a_restart_that_is_wanted_comes_while_all_others_are_ready(
    clock: Clock, said: tuple[dict[str, object] | None, ...], asked: list[int]
) -> None:
    watch, told = ScriptedWatch(*said), list[str]()
    restarts = QuietRestarts(watch, told.append, clock)
    restarts.look()
    assert watch.asked == []  # those who waited for a heal get their turns first
    clock.now += 5
    restarts.look()
    restarts.look()  # what was asked for may not show yet
    assert watch.asked == asked
    assert len(told) == len(asked)
    clock.now += 11
    restarts.look()
    assert watch.asked == asked * 2


def test_one_that_dies_again_begins_the_wait_anew(clock: Clock) -> None:
    watch = ScriptedWatch(READY, WANTS)
    restarts = QuietRestarts(watch, lambda _: None, clock)
    restarts.look()
    clock.now += 4
    watch.say(READY, {**WANTS, "ready": False})
    restarts.look()
    watch.say(READY, WANTS)
    restarts.look()
    clock.now += 4
    restarts.look()
    assert watch.asked == []
    clock.now += 1
    restarts.look()
    assert watch.asked == [1]
