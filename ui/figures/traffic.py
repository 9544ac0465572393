"""What the gateway was asked: throughput, latencies, refusals, and who waited."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ui.calls.monitoring import Traffic, TrafficRow, WorkerSample
from ui.figures.bins import Bins, Point, total

ANSWERED = "ok"
PERCENTILES = {"p50": 0.50, "p90": 0.90, "p99": 0.99}


def releases_of(samples: Iterable[WorkerSample]) -> set[str]:
    """Every release that was asked for."""
    return {row.release for sample in samples for row in sample.rows if row.release}


def throughput(bins: Bins, traffic: Traffic, release: str | None) -> list[Point]:
    """Requests per second by release; the empty name stands for none that was known."""

    def measure(samples: list[WorkerSample]) -> Mapping[str, float]:
        seconds = _covered_seconds(samples, traffic.interval_seconds)
        asked = total((row.release, row.requests) for row in _rows(samples, release))
        return {name: requests / seconds for name, requests in asked.items()}

    return bins.chart(traffic.samples, measure, otherwise=0.0)


def refusals(bins: Bins, traffic: Traffic, release: str | None) -> list[Point]:
    """Requests of each bin that got no answer, by outcome."""

    def measure(samples: list[WorkerSample]) -> Mapping[str, float]:
        rows = _rows(samples, release)
        return total((row.outcome, row.requests) for row in rows if row.outcome != ANSWERED)

    return bins.chart(traffic.samples, measure, otherwise=0.0)


def latencies(bins: Bins, traffic: Traffic, release: str | None) -> list[Point]:
    """Percentiles of the answered requests, in milliseconds."""

    def measure(samples: list[WorkerSample]) -> Mapping[str, float | None]:
        counts = _answered(samples, release)
        return {
            name: quantile(counts, share, traffic.bucket_ratio)
            for name, share in PERCENTILES.items()
        }

    return bins.chart(traffic.samples, measure)


def queue_times(bins: Bins, traffic: Traffic, release: str | None, series: str) -> list[Point]:
    """How long a request waited in the gateway's line on average, in milliseconds."""

    def measure(samples: list[WorkerSample]) -> Mapping[str, float | None]:
        rows = list(_rows(samples, release))
        requests = sum(row.requests for row in rows)
        return {series: sum(row.queue_ms for row in rows) / requests if requests else None}

    return bins.chart(traffic.samples, measure)


def waiting(
    bins: Bins, traffic: Traffic, release: str | None, *, waits: str, in_flight: str
) -> list[Point]:
    """The most calls of each bin that waited, and that were on their way to Triton."""

    def most(samples: list[WorkerSample], name: str) -> float:
        now = total(
            (sample.time, count)
            for sample in samples
            for of, count in (sample.waiting if name == waits else sample.in_flight).items()
            if release in (None, of)
        )
        return max(now.values(), default=0.0)

    def measure(samples: list[WorkerSample]) -> Mapping[str, float]:
        return {name: most(samples, name) for name in (waits, in_flight)}

    return bins.chart(traffic.samples, measure)


def asked_in(bins: Bins, traffic: Traffic, release: str | None) -> int:
    """How many requests fell into the window."""
    sorted_in = bins.sort(traffic.samples).values()
    return sum(row.requests for samples in sorted_in for row in _rows(samples, release))


def answered_share(bins: Bins, traffic: Traffic, release: str | None) -> float | None:
    """Of them, which share was answered; None where there was none."""
    rows = [
        row for samples in bins.sort(traffic.samples).values() for row in _rows(samples, release)
    ]
    asked = sum(row.requests for row in rows)
    answered = sum(row.requests for row in rows if row.outcome == ANSWERED)
    return answered / asked if asked else None


def latency_in(bins: Bins, traffic: Traffic, release: str | None, share: float) -> float | None:
    """A percentile of the whole window, in milliseconds."""
    samples = [it for them in bins.sort(traffic.samples).values() for it in them]
    return quantile(_answered(samples, release), share, traffic.bucket_ratio)


def quantile(counts: Mapping[int, int], share: float, ratio: float) -> float | None:
    """The latency in ms that a share does not exceed; None where nothing was counted.

    Bucket i goes from ratio**(i - 1) to ratio**i, and the value between them whose relative error
    is the same to both sides stands for it (DDSketch: Masson, Rim, Lee, PVLDB 12(12), 2019).
    """
    wanted, seen = share * sum(counts.values()), 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= wanted:
            return float(2 * ratio**bucket / (ratio + 1))
    return None


def _answered(samples: Sequence[WorkerSample], release: str | None) -> Counter[int]:
    counts: Counter[int] = Counter()
    for row in _rows(samples, release):
        if row.outcome == ANSWERED:
            counts.update(row.buckets)
    return counts


def _rows(samples: Iterable[WorkerSample], release: str | None) -> Iterator[TrafficRow]:
    return (
        row
        for sample in samples
        for row in sample.rows
        if release is None or row.release == release
    )


def _covered_seconds(samples: Sequence[WorkerSample], interval_seconds: float) -> float:
    """How much time they speak of; several workers speak of the same."""
    return len({sample.time for sample in samples}) * interval_seconds
