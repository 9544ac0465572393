"""The /dev/shm regions of one Triton: a prefix of its own, and nothing left behind."""

from __future__ import annotations

import hashlib
import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

_SHM: Final = Path("/dev/shm")  # noqa: S108 - Triton's Python backend puts its regions nowhere else


def region_prefix(state_dir: Path, triton_index: int = 0) -> str:
    """A prefix that no other Triton has, of this or another state folder.

    Short enough for shm_open's names.
    """
    digest = hashlib.sha256(str(state_dir.resolve()).encode()).hexdigest()[:10]
    return f"triptych_{digest}_{triton_index}_"


def remove_regions(prefix: str, patience_seconds: float = 1.0) -> list[str]:
    """Unlink the regions of a Triton that no longer runs, but for those that are still mapped.

    Args:
        prefix: Of that Triton.
        patience_seconds: A killed process gives its memory back a moment later; how long to wait.
    """
    removed: list[str] = []
    deadline = time.monotonic() + patience_seconds
    while stale := sorted(_SHM.glob(f"{prefix}*")):
        mapped = _mapped(prefix)
        free = [region for region in stale if region.name not in mapped]
        for region in free:
            region.unlink(missing_ok=True)
        removed += [region.name for region in free]
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    return removed


class SharedMemoryUse(NamedTuple):
    """How full /dev/shm is, in bytes."""

    regions: int
    """Pages that the regions of one Triton have."""
    free: int
    """What anybody may still take."""
    size: int


def shared_memory_use(prefix: str) -> SharedMemoryUse:
    """Look at /dev/shm as this process sees it; in a container it is the container's own.

    Args:
        prefix: Of one Triton.
    """
    whole = os.statvfs(_SHM)
    regions = 0
    for region in _SHM.glob(f"{prefix}*"):
        with suppress(OSError):  # gone meanwhile
            regions += region.stat().st_blocks * 512  # stat(2): in units of 512 bytes
    unit = whole.f_frsize
    return SharedMemoryUse(regions, whole.f_bavail * unit, whole.f_blocks * unit)


def _mapped(prefix: str) -> set[str]:
    """Regions that any process maps that this user may look into."""
    found: set[str] = set()
    for maps in Path("/proc").glob("[0-9]*/maps"):
        with suppress(OSError):
            paths = re.findall(
                rf"{_SHM}/({re.escape(prefix)}\S*)", maps.read_text(errors="replace")
            )
            found.update(paths)
    return found
