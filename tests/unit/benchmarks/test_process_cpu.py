from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from benchmarks.process_cpu import tree_cpu_seconds

LEAST = 0.25  # the kernel counts in hundredths
BURN = "import time\nwhile time.process_time() < 0.3: pass"
# A child that ends, and is waited for; then this one stays until its entrance is closed.
PARENT = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {BURN!r}], check=True)
print("the child has ended", flush=True)
sys.stdin.read()
"""


def test_what_an_ended_child_has_used_still_counts() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=pipe, stdout=pipe) as parent:
        assert parent.stdin
        assert parent.stdout
        parent.stdout.readline()

        assert not psutil.Process(parent.pid).children()
        assert tree_cpu_seconds(parent.pid) >= LEAST
        parent.stdin.close()


def test_what_a_running_child_has_used_counts_too() -> None:
    busy = f"{BURN}\nprint('burnt', flush=True)\nimport sys; sys.stdin.read()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", busy], stdin=pipe, stdout=pipe) as child:
        assert child.stdin
        assert child.stdout
        child.stdout.readline()
        own = os.times()

        assert tree_cpu_seconds(os.getpid()) >= own.user + own.system + LEAST
        child.stdin.close()


def test_a_process_that_is_gone_has_no_time() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()

    with pytest.raises(psutil.NoSuchProcess):
        tree_cpu_seconds(gone.pid)
