"""Which processes are still there; one that is dead and not yet buried is not."""

from __future__ import annotations

import time
from collections.abc import Iterable

import psutil


def alive_after(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that still run when so many seconds have passed."""
    deadline = time.monotonic() + seconds
    left = [process for process in processes if _runs(process)]
    while left and time.monotonic() < deadline:
        time.sleep(0.01)
        left = [process for process in left if _runs(process)]
    return left


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
