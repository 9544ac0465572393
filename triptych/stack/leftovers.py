"""Processes that outlived what started them: found by a mark in their environment, and ended.

A command line would not do: a child forked by a stub shows any, and a path in it may be anybody's.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Final

from triptych.stack.shared_memory import region_prefix

# Set for our children alone; what they start inherits it.
MARK: Final = "TRIPTYCH_PART_OF"
_PAUSE_SECONDS: Final = 0.05


def mark_of(state_dir: Path, part: str = "") -> str:
    """The mark of one part, or what the marks of all parts of this state folder begin with."""
    return f"{region_prefix(state_dir).removesuffix('0_')}{part}"


def processes_with(mark: str, *, is_prefix: bool = False) -> list[int]:
    """The pids of everything that lives and carries a mark, zombies left out."""
    wanted = f"{MARK}={mark}".encode()
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdecimal()
        and int(entry.name) != os.getpid()
        and _carries(entry, wanted, is_prefix)
    ]


def _carries(entry: Path, wanted: bytes, is_prefix: bool) -> bool:
    try:
        variables = (entry / "environ").read_bytes().split(b"\0")
    except OSError:  # another user's, or gone by now
        return False
    return any(it == wanted or (is_prefix and it.startswith(wanted)) for it in variables)


def end_all(pids: list[int], number: signal.Signals) -> None:
    """Send a signal to each that is still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def end_leftovers(state_dir: Path, grace_seconds: float) -> list[int]:
    """End what an earlier start of this state folder has left; its lock must be held.

    Returns:
        The pids of what was there.
    """
    mark = mark_of(state_dir)
    found = processes_with(mark, is_prefix=True)
    end_all(found, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while left := processes_with(mark, is_prefix=True):
        if time.monotonic() > deadline:
            end_all(left, signal.SIGKILL)
        time.sleep(_PAUSE_SECONDS)
    return found
