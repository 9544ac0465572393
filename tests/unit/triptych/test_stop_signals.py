"""Leaving in order, however often one is told to."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import signal, sys, time
from triptych.stack.stop_signals import leave_on

leave_on(signal.SIGTERM, signal.SIGINT, **{options})
try:
    print("started", flush=True)
    time.sleep(60)
finally:
    print("leaving", flush=True)
    time.sleep(1)
    print("cleaned up", flush=True)
"""


def start(options: str) -> subprocess.Popen[str]:
    program = PROGRAM.format(options=options)
    started = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "started\n"
    return started


@pytest.mark.parametrize(("options", "code"), [("{}", 143), ("{'exit_code': 0}", 0)])
def test_a_second_signal_does_not_break_the_clean_up_off(options: str, code: int) -> None:
    with start(options) as process:
        assert process.stdout is not None
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "leaving\n"
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "cleaned up\n"
    assert process.returncode == code


def test_one_leaves_although_there_is_no_terminal_any_more() -> None:
    with start(
        "{'on_leaving': lambda: print('x' * 100_000, file=open('/dev/full', 'w'))}"
    ) as process:
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        assert process.stdout.read() == "leaving\ncleaned up\n"
    assert process.returncode == 143
