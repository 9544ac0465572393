"""What the processes of a server hold: resident, proportional, and in shared memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

_SHARED: Final = "/dev/shm/"  # noqa: S108 - shared memory is there
_BLOCK_BYTES: Final = 512
_STUB: Final = "triton_python"  # of a process's name the kernel keeps 15 characters


@dataclass(frozen=True)
class ProcessMemory:
    """One process; all figures in bytes."""

    process: str
    pid: int
    rss_bytes: int
    pss_bytes: int
    """Its own pages, and its share of those that others map too: these add up."""


def memory_of_tree(pid: int) -> list[ProcessMemory]:
    """What each process of a tree holds; those that end meanwhile are left out."""
    root = psutil.Process(pid)
    found = []
    for process in [root, *root.children(recursive=True)]:
        try:
            info = process.memory_full_info()
            found.append(ProcessMemory(_name(process), process.pid, info.rss, info.pss))
        except psutil.NoSuchProcess:
            continue
    return found


def shared_memory_bytes(pid: int) -> int:
    """What lies in the files of /dev/shm that a tree maps, each counted once."""
    root = psutil.Process(pid)
    files: set[str] = set()
    for process in [root, *root.children(recursive=True)]:
        try:
            files |= {it.path for it in process.memory_maps() if it.path.startswith(_SHARED)}
        except psutil.NoSuchProcess:
            continue
    return sum(_allocated_bytes(Path(file)) for file in files)


def _allocated_bytes(file: Path) -> int:
    try:
        return file.stat().st_blocks * _BLOCK_BYTES
    except FileNotFoundError:  # unlinked, or gone
        return 0


def _name(process: psutil.Process) -> str:
    """What a person would call it, from its command line."""
    command = process.cmdline()
    if not command:
        return process.name()
    program = Path(command[0]).name
    if _STUB in program:
        return f"stub of {Path(command[1]).parents[1].name}"
    if "-c" in command:  # of all that is ours, only what decodes is started so
        parent = process.parent()
        return "decode nursery" if parent is not None and _STUB in parent.name() else "decoder"
    if "-m" in command:
        module, *rest = command[command.index("-m") + 1 :]
        return f"{module} {rest[0]}" if rest and rest[0].isalpha() else module
    return program
