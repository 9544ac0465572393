"""How many processor cores this process may really use, and how engines share them."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Final

# The limit of a container, cgroup version 2; it is not there where nothing is limited.
# Source: https://docs.kernel.org/admin-guide/cgroup-v2.html, "cpu.max".
CPU_MAX: Final = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """Count the cores that this process may run on, and no more than its container may use.

    Returns:
        One at least; a part of a core counts as a whole one.
    """
    allowed = len(os.sched_getaffinity(0))
    try:
        # Microseconds and their period, or "max" in place of the former.
        quota, period = CPU_MAX.read_text(encoding="ascii").split()
    except FileNotFoundError:
        return allowed
    return allowed if quota == "max" else min(allowed, math.ceil(int(quota) / int(period)))


def engine_threads(asked: int, instances: int) -> int:
    """Decide on the threads of one inference.

    Args:
        asked: What config.pbtxt says; 0 is all cores, as in Triton's native backends.
        instances: Of the model; they share the cores.
    """
    return asked or max(1, usable_cores() // instances)
