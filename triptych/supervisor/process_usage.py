"""CPU and memory of this supervisor and of all that it has started, by what each process is for."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from triptych.supervisor.stub_processes import command_line, stub_model

PROCESS_FIELDS: Final = ("cpu_seconds", "rss_bytes")
SUPERVISOR: Final = "supervisor"
_PROC: Final = Path("/proc")
# To find out who is whose child takes a look at all processes of the machine; new ones are rare.
_LOOKS_PER_SEARCH: Final = 6
_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class _Reading:
    """One process at one moment, of /proc/<pid>/stat; a pid and its start mean one process."""

    pid: int
    started: int
    parent: int
    cpu_seconds: float
    rss_bytes: int


class ProcessUsage:
    """Reads the processes' own counters now and then and tells the differences.

    Args:
        root: The process that started all others; its name is "supervisor".
    """

    def __init__(self, root: int | None = None) -> None:
        self._root = root or os.getpid()
        self._names: dict[int, str] = {}
        self._before: dict[tuple[int, int], float] = {}
        self._looks = 0

    def look(self) -> dict[str, tuple[float, int]]:
        """CPU seconds since the last look, and resident bytes now; by name.

        Stubs are named by their model, what they have started "<model> decoders", the rest by its
        program. A process that is seen for the first time has used nothing yet.
        """
        readings = [it for pid in self._names if (it := _read(pid))]
        if self._looks % _LOOKS_PER_SEARCH == 0 or len(readings) < len(self._names):
            readings = self._search()
        self._looks += 1
        cpu: dict[str, float] = defaultdict(float)
        rss: dict[str, int] = defaultdict(int)
        for it in readings:
            name = self._names[it.pid]
            before = self._before.get((it.pid, it.started), it.cpu_seconds)
            cpu[name] += it.cpu_seconds - before
            rss[name] += it.rss_bytes
        self._before = {(it.pid, it.started): it.cpu_seconds for it in readings}
        return {name: (round(cpu[name], 3), rss[name]) for name in rss}

    def _search(self) -> list[_Reading]:
        """Find the whole family anew, and what each of it is for."""
        everybody = {it.pid: it for it in _read_all()}
        children: dict[int, list[int]] = defaultdict(list)
        for it in everybody.values():
            children[it.parent].append(it.pid)
        self._names = {self._root: SUPERVISOR} if self._root in everybody else {}
        parents = list(self._names)
        while parents:
            parent = parents.pop()
            for pid in children[parent]:
                self._names[pid] = _name_of(pid, self._names[parent])
                parents.append(pid)
        return [everybody[pid] for pid in self._names]


def _name_of(pid: int, parent: str) -> str:
    arguments = command_line(pid)
    if model := stub_model(arguments):
        return model
    if parent.endswith(" decoders"):
        return parent
    program = Path(arguments[0]).name if arguments else ""
    is_server = parent == SUPERVISOR
    return (program or "ended") if is_server else f"{parent} decoders"


def _read_all() -> Iterator[_Reading]:
    for entry in os.scandir(_PROC):
        if entry.name.isdecimal() and (it := _read(int(entry.name))):
            yield it


def _read(pid: int) -> _Reading | None:
    with suppress(OSError):
        # The name stands in brackets and may hold anything, brackets too.
        fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        return _Reading(
            pid=pid,
            started=int(fields[19]),
            parent=int(fields[1]),
            cpu_seconds=(int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND,
            rss_bytes=int(fields[21]) * _PAGE_BYTES,
        )
    return None
