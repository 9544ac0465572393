"""Real processes: what the kernel says of a stub and of what it has started."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from tests.unit.triptych.waiting import wait_until
from triptych.supervisor.stub_processes import helpers_at_work, is_at_work, resident_bytes

SLEEPS = "import time; time.sleep(60)"
LOOPS = "while True: pass"
# As a stub, whose nursery starts the decoders.
GRANDFATHER = """
import subprocess, sys
start = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
subprocess.run([sys.executable, "-c", start, sys.argv[1]])
"""


@contextmanager
def running(*arguments: str) -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", *arguments])
    try:
        yield process.pid
    finally:
        for it in psutil.Process(process.pid).children(recursive=True):
            it.kill()
        process.kill()
        process.wait()


@pytest.mark.parametrize(("script", "at_work"), [(SLEEPS, False), (LOOPS, True)])
def test_a_stub_is_at_work_while_it_runs(script: str, at_work: bool) -> None:
    with running(script) as pid:
        wait_until(lambda: is_at_work(pid) is at_work)
        assert helpers_at_work(pid) is False


@pytest.mark.parametrize(("script", "at_work"), [(SLEEPS, False), (LOOPS, True)])
def test_what_a_child_of_a_stub_has_started_counts(script: str, at_work: bool) -> None:
    with running(GRANDFATHER, script) as pid:
        wait_until(lambda: len(psutil.Process(pid).children(recursive=True)) == 2)
        wait_until(lambda: helpers_at_work(pid) is at_work and not is_at_work(pid))


def test_who_is_gone_does_nothing() -> None:
    with running(SLEEPS) as pid:
        pass
    assert not is_at_work(pid)
    assert not helpers_at_work(pid)


def test_the_memory_of_a_stub_is_its_own_and_that_of_all_it_has_started() -> None:
    large = "import time; block = bytearray(b'x' * 100_000_000); time.sleep(60)"
    with running(GRANDFATHER, large) as pid:
        wait_until(lambda: resident_bytes(pid) > 100_000_000)
        assert resident_bytes(pid) < 300_000_000


def test_a_process_that_is_gone_holds_nothing() -> None:
    with running(SLEEPS) as pid:
        assert resident_bytes(pid) > 0
    assert resident_bytes(pid) == 0
