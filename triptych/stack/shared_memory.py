"""The /dev/shm regions of one Triton: a prefix of its own, and nothing left behind."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

_SHM: Final = Path("/dev/shm")  # noqa: S108 - Triton's Python backend puts its regions nowhere else


def region_prefix(state_dir: Path, triton_index: int = 0) -> str:
    """A prefix that no other Triton has, of this or another state folder.

    Short enough for shm_open's names.
    """
    digest = hashlib.sha256(str(state_dir.resolve()).encode()).hexdigest()[:10]
    return f"triptych_{digest}_{triton_index}_"


def remove_regions(prefix: str) -> list[str]:
    """Unlink the regions of a Triton that no longer runs; the state folder must be locked."""
    stale = sorted(_SHM.glob(f"{prefix}*"))
    for region in stale:
        region.unlink(missing_ok=True)
    return [region.name for region in stale]
