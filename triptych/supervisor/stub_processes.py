"""The stub processes of one tritonserver, as the kernel knows them: /proc and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_STUB: Final = "triton_python_backend_stub"
_AT_WORK: Final = frozenset({"R", "D"})


@dataclass(frozen=True)
class Stub:
    """One stub: its first argument is <view>/<model>/<version>/<file>."""

    pid: int
    model: str


@dataclass(frozen=True)
class _Stat:
    """What /proc/<pid>/stat says, as far as it matters here."""

    state: str
    parent: int
    exit_code: int  # as waitpid has it; of a zombie only


def find_stubs(server_pid: int) -> list[Stub]:
    """The stubs of a server that have a command line: zombies and those not yet executed do not."""
    return [stub for pid in _children(server_pid) if (stub := _read_stub(pid))]


def _read_stub(pid: int) -> Stub | None:
    model = stub_model(command_line(pid))
    return Stub(pid, model) if model else None


def stub_model(arguments: Sequence[str]) -> str | None:
    """The model of the stub that was started with these arguments; None: it is no stub."""
    if len(arguments) < 2 or Path(arguments[0]).name != _STUB:
        return None
    return Path(arguments[1]).parent.parent.name


def command_line(pid: int) -> list[str]:
    """The arguments of a process; none of a zombie or of one that is gone."""
    with suppress(OSError):
        return (_PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    return []


def is_child(pid: int, parent: int) -> bool:
    """Whether a pid still means a child of that process; zombies are children too."""
    stat = _read_stat(pid)
    return stat is not None and stat.parent == parent


def exit_code(pid: int) -> int | None:
    """How a zombie ended, as waitpid would have it; None: it is none."""
    stat = _read_stat(pid)
    return stat.exit_code if stat and stat.state == "Z" else None


def is_stopped(pid: int) -> bool:
    """Whether a signal or a debugger stopped it."""
    stat = _read_stat(pid)
    return stat is not None and stat.state in {"T", "t"}


def is_at_work(pid: int) -> bool:
    """Whether it runs, or waits for a processor or a disk.

    How much it ran says less: on a busy machine that is little.
    """
    stat = _read_stat(pid)
    return stat is not None and stat.state in _AT_WORK


def helpers_at_work(pid: int) -> bool:
    """Whether anything that a stub has started is at work; its decoders are its grandchildren."""
    return any(is_at_work(it) or helpers_at_work(it) for it in _children(pid))


def resident_bytes(pid: int) -> int:
    """The memory of a process and of all that it has started; what several share is shared out.

    Processes whose shares the kernel does not tell count with all that is resident.
    """
    return _own_bytes(pid) + sum(map(resident_bytes, _children(pid)))


def _own_bytes(pid: int) -> int:
    for file, field in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        with suppress(OSError):
            for line in (_PROC / str(pid) / file).read_text(errors="replace").splitlines():
                if line.startswith(field):
                    return int(line.split()[1]) * 1024
    return 0


def processes_of(folder: Path) -> list[int]:
    """Everything that was started with a path below this folder among its arguments."""
    prefix = f"{folder.resolve()}/"
    own = os.getpid()
    return [
        pid
        for pid in _all_pids()
        if pid != own and any(prefix in f"{argument}/" for argument in command_line(pid))
    ]


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal()]


def _children(pid: int) -> Iterator[int]:
    """Children of any of its threads; the kernel's own list where it keeps one."""
    found = False
    with suppress(OSError):
        for thread in (_PROC / str(pid) / "task").iterdir():
            with suppress(OSError):
                yield from map(int, (thread / "children").read_text().split())
                found = True
    if not found:
        yield from (it for it in _all_pids() if is_child(it, pid))


def _read_stat(pid: int) -> _Stat | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name stands in brackets and may hold anything, brackets too.
    fields = text.rpartition(")")[2].split()
    return _Stat(
        state=fields[0],
        parent=int(fields[1]),
        exit_code=int(fields[49]),
    )
