"""A window of time in sixty bins, and what falls into each."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

BINS = 60


class Sampled(Protocol):
    """Anything that was observed in an interval of time."""

    @property
    def ended(self) -> float: ...  # noqa: D102 - seconds since 1970


SampleT = TypeVar("SampleT", bound=Sampled)


@dataclass(frozen=True)
class Point:
    """One number of a chart; value is None where nothing is known, which leaves a gap."""

    began: float
    series: str
    value: float | None


@dataclass(frozen=True)
class Bins:
    """Equal parts of a window that ends with the newest sample; times are seconds since 1970.

    Attributes:
        now: When the newest sample ended, by the clock of whoever made it.
        window_seconds: How far back; a multiple of 300.
    """

    now: float
    window_seconds: int

    @property
    def seconds(self) -> int:
        """How long each is."""
        return self.window_seconds // BINS

    @property
    def ends(self) -> Sequence[int]:
        """When each ends, oldest first; the newest may still be filling."""
        last = math.ceil(self.now / self.seconds) * self.seconds
        return range(last - (BINS - 1) * self.seconds, last + 1, self.seconds)

    def sort(self, samples: Iterable[SampleT]) -> dict[int, list[SampleT]]:
        """By a bin's end, the samples that fall into it."""
        ends = self.ends
        sorted_in: dict[int, list[SampleT]] = {end: [] for end in ends}
        for sample in samples:
            end = math.ceil(round(sample.ended, 3) / self.seconds) * self.seconds
            if end in sorted_in:
                sorted_in[end].append(sample)
        return sorted_in

    def chart(
        self,
        samples: Iterable[SampleT],
        measure: Callable[[list[SampleT]], Mapping[str, float | None]],
        *,
        otherwise: float | None = None,
    ) -> list[Point]:
        """Measure each bin, and fill in the series that a bin knows nothing of.

        Args:
            samples: In any order.
            measure: From what fell into a bin, never nothing, to a number per series.
            otherwise: For series that a bin knows nothing of, although something fell into it.
        """
        sorted_in = self.sort(samples)
        measured = {end: measure(them) if them else {} for end, them in sorted_in.items()}
        series = sorted({name for numbers in measured.values() for name in numbers})
        return [
            Point(
                end - self.seconds,
                name,
                numbers.get(name, otherwise if sorted_in[end] else None),
            )
            for name in series
            for end, numbers in measured.items()
        ]


def total(pairs: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Add up by name."""
    sums: dict[str, float] = defaultdict(float)
    for name, number in pairs:
        sums[name] += number
    return sums


def is_empty(points: Sequence[Point]) -> bool:
    """Whether there is nothing to draw."""
    return not any(point.value for point in points)
