"""Whether what a stack holds grows with time: samples of calm moments, their slope, a verdict."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.faults.leaks import Holdings

_MIB: Final = 1024 * 1024
# Whoever was started anew begins small again; what stays must not have grown by more than this.
_GROWTH: Final = 0.10
_SPARE_BYTES: Final = 32 * _MIB
_SHARED: Final = "shared memory"
# Their number changes with connections and restarts, and each Python process is another one.
_ROLES: Final = ("up", "supervisor", "tritonserver", "stub", "decode", "gateway", "worker")


@dataclass(frozen=True)
class Sample:
    """One calm moment."""

    seconds: float
    bytes_of: dict[str, int]

    @classmethod
    def of(cls, seconds: float, held: Holdings) -> Sample:
        """Memory of each role, and what lies in /dev/shm."""
        memory = {role: held.memory_bytes.get(role, 0) for role in _ROLES}
        return cls(seconds, {**memory, _SHARED: held.region_bytes})


@dataclass(frozen=True)
class Trend:
    """How one figure went.

    Attributes:
        first_mib: Median of the first third after the warm-up.
        last_mib: Median of the last third.
        slope_mib_per_hour: Of the line through all samples after the warm-up.
    """

    what: str
    first_mib: float
    last_mib: float
    slope_mib_per_hour: float

    @property
    def is_flat(self) -> bool:
        """Whether it did not grow by more than restarts and batches explain."""
        return self.last_mib <= self.first_mib * (1 + _GROWTH) + _SPARE_BYTES / _MIB

    def __str__(self) -> str:
        """As the summary says it."""
        return (
            f"{self.first_mib:.0f} MiB, then {self.last_mib:.0f} MiB "
            f"({self.slope_mib_per_hour:+.0f} MiB/h)"
        )


def trends(samples: Sequence[Sample], warm_up_seconds: float) -> list[Trend]:
    """One trend for each figure; none where there are too few samples to tell."""
    warm = [sample for sample in samples if sample.seconds >= warm_up_seconds]
    if len(warm) < 3:
        return []
    return [_trend(what, warm) for what in warm[0].bytes_of]


def _trend(what: str, samples: Sequence[Sample]) -> Trend:
    values = [sample.bytes_of[what] / _MIB for sample in samples]
    hours = [sample.seconds / 3600 for sample in samples]
    third = max(1, len(values) // 3)
    slope = statistics.linear_regression(hours, values).slope
    return Trend(what, statistics.median(values[:third]), statistics.median(values[-third:]), slope)
