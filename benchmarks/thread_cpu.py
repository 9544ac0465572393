"""CPU time of every thread of a running stack, by what the thread is for; read from /proc."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

_PROC: Final = Path("/proc")
_STUB: Final = "triton_python_backend_stub"
# What the command line of a process contains -> what it is called here; the first one counts.
_ROLES: Final = (
    ("triptych up", "keeper"),
    ("gateway.process.worker", "gateway"),
    ("gateway.worker", "worker"),
    ("gateway", "gateway's parent"),
    ("triptych triton", "supervisor"),
    ("tritonserver", "tritonserver"),
)
_GRPC: Final = ("grpc", "event_engine", "resolver", "timer")

Thread = tuple[str, str]  # role of the process, kind of thread
Cpu = defaultdict[Thread, float]


def thread_seconds(roots: Iterable[int]) -> Cpu:
    """CPU seconds so far of all threads that live, by role of the process and kind of thread."""
    seconds: Cpu = defaultdict(float)
    for process in _trees(roots):
        role = _role(process)
        for task in _tasks(process.pid):
            with suppress(OSError):  # it has just ended
                kind = _kind(task, process.pid, role)
                nanoseconds = int((task / "schedstat").read_text().split()[0])
                seconds[role, kind] += nanoseconds / 1e9
    return seconds


def _trees(roots: Iterable[int]) -> list[psutil.Process]:
    found: dict[int, psutil.Process] = {}
    for pid in roots:
        root = psutil.Process(pid)
        found |= {it.pid: it for it in (root, *root.children(recursive=True))}
    return list(found.values())


def _tasks(pid: int) -> list[Path]:
    with suppress(OSError):
        return list((_PROC / str(pid) / "task").iterdir())
    return []


def _role(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        arguments = process.cmdline()
        step = _step_of(arguments)
        if step:
            return f"stub: {step}"
        for ancestor in process.parents():
            step = _step_of(ancestor.cmdline())
            if step:
                return "decoders" if step == "preprocess" else f"below the stub of {step}"
        text = " ".join(arguments)
        return next((role for part, role in _ROLES if part in text), "other")
    return "other"


def _step_of(arguments: list[str]) -> str | None:
    if len(arguments) < 2 or Path(arguments[0]).name != _STUB:
        return None
    return Path(arguments[1]).parent.parent.name.rpartition("_")[2]


def _kind(task: Path, pid: int, role: str) -> str:
    if task.name == str(pid) or role == "decoders":
        return "main"
    name = (task / "comm").read_text().strip()
    return "gRPC" if name.startswith(_GRPC) else "others"
