"""What the kernel says of a stub and of the processes below it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests.unit.triptych.waiting import wait_until
from triptych.supervisor.stub_processes import cpu_seconds

_SPIN = "import time; t = time.monotonic()\nwhile time.monotonic() < t + 20: pass"
_CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_SPIN!r}])"
_STUB = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_CHILD!r}])"


def test_the_work_of_grandchildren_counts_as_the_stubs() -> None:
    """Or a stub whose decoders work on a large picture would look as if it hung."""
    with subprocess.Popen([sys.executable, "-c", _STUB], process_group=0) as stub:
        try:
            wait_until(lambda: cpu_seconds(stub.pid) > 0.5)
        finally:
            os.killpg(stub.pid, signal.SIGKILL)
