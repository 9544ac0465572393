"""Latencies counted in logarithmic buckets: small, summable, exact at thresholds.

DDSketch: Masson, Rim, Lee, "DDSketch: a fast and fully-mergeable quantile sketch with
relative-error guarantees", PVLDB 12(12), 2019.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, Self

GAMMA: Final = 1.05
"""A bucket's upper border over its lower one: quantiles are off by 2.4 % at most."""
_LOG_GAMMA: Final = math.log(GAMMA)
_LOWEST: Final = math.ceil(math.log(0.01) / _LOG_GAMMA)
_HIGHEST: Final = math.ceil(math.log(3_600_000.0) / _LOG_GAMMA)  # one hour
# A border is a power of gamma; rounding must not put it into the bucket above.
_ROUNDING: Final = 1e-9


def _bucket_of(ms: float) -> int:
    """The bucket i with gamma^(i-1) < ms <= gamma^i; what lies outside goes to the outermost."""
    if ms <= 0:
        return _LOWEST
    return min(max(math.ceil(math.log(ms) / _LOG_GAMMA - _ROUNDING), _LOWEST), _HIGHEST)


class LatencySketch:
    """How many latencies fell into each bucket, from 0.01 ms to an hour."""

    __slots__ = ("_counts", "_total")

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self._counts = dict(counts or {})
        self._total = sum(self._counts.values())

    @property
    def total(self) -> int:
        """How many were counted."""
        return self._total

    def add(self, ms: float) -> None:
        """Count one latency."""
        bucket = _bucket_of(ms)
        self._counts[bucket] = self._counts.get(bucket, 0) + 1
        self._total += 1

    def __add__(self, other: LatencySketch) -> LatencySketch:
        counts = dict(self._counts)
        for bucket, count in other._counts.items():
            counts[bucket] = counts.get(bucket, 0) + count
        return LatencySketch(counts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LatencySketch) and self._counts == other._counts

    def __hash__(self) -> int:
        raise TypeError("a sketch changes, so it has no hash")

    def quantile(self, q: float) -> float | None:
        """The latency in ms that a share q does not exceed, to 2.4 %; None where there is none."""
        bucket = self._quantile_bucket(q)
        return None if bucket is None else 2 * GAMMA**bucket / (GAMMA + 1)

    def border(self, q: float) -> float | None:
        """The first bucket border, in ms, that at least a share q of the latencies does not exceed.

        A threshold for `count_above`, which is exact there. None where nothing is known.
        """
        bucket = self._quantile_bucket(q)
        return None if bucket is None else GAMMA**bucket

    def count_above(self, ms: float) -> int:
        """How many were longer; exact at a border, elsewhere as at the next border above."""
        limit = _bucket_of(ms)
        return sum(count for bucket, count in self._counts.items() if bucket > limit)

    def _quantile_bucket(self, q: float) -> int | None:
        seen = 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen >= q * self._total:
                return bucket
        return None

    def to_json(self) -> dict[str, Any]:
        """Plain values: the first bucket, and the counts from there on."""
        if not self._counts:
            return {"first": 0, "counts": []}
        first, last = min(self._counts), max(self._counts)
        return {
            "first": first,
            "counts": [self._counts.get(it, 0) for it in range(first, last + 1)],
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            KeyError: something is missing.
            ValueError: something is no number.
        """
        first = int(body["first"])
        return cls({first + it: int(n) for it, n in enumerate(body["counts"]) if int(n)})
