"""CPU seconds of processes: unlike wall time they hold on a machine that others use, too."""

from __future__ import annotations

from typing import Final

import psutil

_TRIES: Final = 5


def tree_cpu_seconds(pid: int) -> float:
    """User and system time so far of a process and everything below it.

    What ended and was waited for counts: the kernel adds it to its parent's times of children.
    What outlived its parent, or ended without being waited for, is lost.

    Raises:
        psutil.NoSuchProcess: the process itself has ended.
        RuntimeError: processes below it end faster than they can be counted.
    """
    for _ in range(_TRIES):
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
        try:
            return sum(_own_and_of_ended(process) for process in tree)
        except psutil.NoSuchProcess:
            # Its time is now part of its parent's, which may have been read already.
            continue
    raise RuntimeError(f"the processes below {pid} end all the time")


def _own_and_of_ended(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def core_seconds() -> tuple[float, float]:
    """CPU seconds so far of the whole machine: busy, and taken by other guests of its host."""
    times = psutil.cpu_times()
    busy = times.user + times.nice + times.system + times.irq + times.softirq
    return float(busy), float(times.steal)
