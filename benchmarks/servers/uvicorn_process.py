"""Start a FastAPI application with uvicorn's own command, as its documentation tells to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from benchmarks.servers.server import Server
from triptych.stack.child_process import END_WITH_PARENT
from triptych.stack.ports import free_ports

_WORKERS: Final = 2
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.05
_STARTED: Final = "Application startup complete."


@contextmanager
def start_uvicorn(application: str, folder: Path) -> Iterator[Server]:
    """Run two workers of an application until the block ends.

    Args:
        application: "package.module:app".
        folder: Where it runs, finds its files, and its log is written.

    Raises:
        RuntimeError: it does not start.
    """
    (port,) = free_ports(1)
    address = ["--host", "127.0.0.1", "--port", str(port)]
    log_file = folder / "uvicorn.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [
                *(*END_WITH_PARENT, sys.executable, "-m", "uvicorn", application, *address),
                *("--workers", str(_WORKERS), "--no-access-log"),
            ],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_started(process, log_file)
        yield Server(http=f"127.0.0.1:{port}", pids=(process.pid,))
    finally:
        _stop(process)


def _wait_until_started(process: subprocess.Popen[bytes], log_file: Path) -> None:
    """Wait until every worker says so: an answer would be that of one of them."""
    deadline = time.monotonic() + _START_SECONDS
    while (log := log_file.read_text(errors="replace")).count(_STARTED) < _WORKERS:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"uvicorn did not start: {log}")
        time.sleep(_POLL_SECONDS)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
