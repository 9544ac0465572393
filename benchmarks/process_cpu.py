"""CPU seconds of processes: unlike wall time they hold on a machine that others use, too."""

from __future__ import annotations

import psutil


def tree_cpu_seconds(pid: int) -> float:
    """User and system time so far of a process and everything below it."""
    root = psutil.Process(pid)
    times = [process.cpu_times() for process in (root, *root.children(recursive=True))]
    return sum(time.user + time.system for time in times)
