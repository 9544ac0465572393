"""What a stack holds at a moment, and what it holds more of than before."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from tests.faults.fault_stack import FaultStack
from tests.faults.processes import Member
from triptych.stack.shared_memory import region_prefix

_MIB: Final = 1024 * 1024
# Connections come and go with the load: eight clients, their probes, a canary.
_SPARE_FILES: Final = 32
# A region grows when a larger batch comes by, and stays: that is Triton's way, not a leak.
_SPARE_REGION_BYTES: Final = 4 * _MIB


@dataclass(frozen=True)
class Holdings:
    """Processes, open files and memory of a stack.

    Attributes:
        processes: How many of each role.
        zombies: Ended children that nobody waited for.
        files: Open file descriptors of each role, together.
        regions: Files in /dev/shm.
        region_bytes: What they take.
        memory_bytes: Of each role: proportional set size, so that shared pages count once.
    """

    processes: dict[str, int]
    zombies: int
    files: dict[str, int]
    regions: int
    region_bytes: int
    memory_bytes: dict[str, int]

    def more_than(self, before: Holdings) -> list[str]:
        """Everything that was not there before; memory is the soak's business."""
        found = [
            f"{count - before.processes.get(role, 0)} more {role}"
            for role, count in self.processes.items()
            if count > before.processes.get(role, 0)
        ]
        found += [
            f"{count - before.files.get(role, 0)} more files of {role}"
            for role, count in self.files.items()
            if count > before.files.get(role, 0) + _SPARE_FILES
        ]
        if self.zombies > before.zombies:
            found.append(f"{self.zombies - before.zombies} zombie")
        if self.regions > before.regions:
            found.append(f"{self.regions - before.regions} region of shared memory")
        elif self.region_bytes > before.region_bytes + _SPARE_REGION_BYTES:
            grown = (self.region_bytes - before.region_bytes) / _MIB
            found.append(f"{grown:.1f} MiB of shared memory")
        return found


def holdings(stack: FaultStack, *, with_memory: bool = False) -> Holdings:
    """Look at every process now; memory takes the kernel some milliseconds for each."""
    members = stack.members()
    files: Counter[str] = Counter()
    memory: Counter[str] = Counter()
    for member in members:
        with suppress(psutil.Error):
            files[member.role] += member.process.num_fds()
            if with_memory:
                memory[member.role] += proportional_bytes(member)
    sizes = list(_region_sizes(stack))
    return Holdings(
        processes=dict(Counter(member.role for member in members)),
        zombies=len(stack.zombies()),
        files=dict(files),
        regions=len(sizes),
        region_bytes=sum(sizes),
        memory_bytes=dict(memory),
    )


def proportional_bytes(member: Member) -> int:
    """The share of the machine's memory that one process has; nothing if it ends meanwhile."""
    with suppress(OSError):
        for line in Path(f"/proc/{member.process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _region_sizes(stack: FaultStack) -> list[int]:
    """Blocks in use of every Triton's regions, seen as the stack itself sees /dev/shm."""
    prefix = region_prefix(stack.state_dir).removesuffix("0_")
    folder = stack.shared_memory
    sizes = []
    for region in folder.glob(f"{prefix}*"):
        with suppress(FileNotFoundError):
            sizes.append(region.stat().st_blocks * 512)
    return sizes
