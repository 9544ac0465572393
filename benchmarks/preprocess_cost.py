"""CPU time of ways that take turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks.decode_containment import cpu_seconds
from benchmarks.preprocess_ways import Way

_BATCH: Final = 8


@dataclass(frozen=True)
class Cost:
    """Per image, medians over the rounds."""

    cpu_ms: float
    wall_ms: float


def measure_cost(
    found: Mapping[str, Way], image: bytes, rounds: int, images: int
) -> dict[str, Cost]:
    """Cost of each way, of this process and all its children, over batches of eight at most."""
    batch = [image] * min(_BATCH, max(images, 1))
    times = max(images // len(batch), 1)
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in found}
    for way in found.values():
        way(batch)
    for _ in range(rounds):
        for name, way in found.items():
            cpu, wall = cpu_seconds(), time.perf_counter()
            for _ in range(times):
                way(batch)
            spent = cpu_seconds() - cpu, time.perf_counter() - wall
            samples[name].append(spent)
    per_image = 1000 / (times * len(batch))
    return {
        name: Cost(*(statistics.median(column) * per_image for column in zip(*pairs, strict=True)))
        for name, pairs in samples.items()
    }
