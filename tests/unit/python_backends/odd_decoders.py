"""Decoders that tell of the process that they run in: the answer is hidden in the pixels."""

from __future__ import annotations

import resource
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def tell(*values: int) -> NDArray[np.uint8]:
    pixels = np.zeros((32, 40, 3), np.uint8)
    pixels.reshape(-1)[: len(values)] = values
    return pixels


def process_facts(_: bytes) -> NDArray[np.uint8]:
    """Open files that are no socket, memory or standard stream; threads; core limit; OOM score."""
    places = [Path(f"/proc/self/fd/{fd}") for fd in range(3, 64)]
    links = [str(place.readlink()) for place in places if place.is_symlink()]
    strange = [link for link in links if not link.startswith(("socket:", "/memfd:triptych-"))]
    core, _hard = resource.getrlimit(resource.RLIMIT_CORE)
    score = int(Path("/proc/self/oom_score_adj").read_text())
    return tell(len(links), len(strange), threading.active_count(), core, score // 10)


def of_wrong_shape(_: bytes) -> NDArray[np.uint8]:
    return np.zeros((2, 2, 3), np.uint8)
