"""What processes and GPUs used: cores, memory, utilisation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ui.calls.monitoring import ServerSample, Traffic, WorkerSample
from ui.figures.bins import Bins, Point, total
from ui.figures.steps import release_and_step

GATEWAY = "gateway"
MEGABYTE = 1024 * 1024
# More lines than that cannot be told apart; the rest is one.
MOST_LINES = 9
_CPU, _RSS = 0, 1
_UTILISATION, _USED = 0, 1


def cores(
    bins: Bins, traffic: Traffic, samples: Sequence[ServerSample], release: str | None, rest: str
) -> list[Point]:
    """CPU seconds per second of each process; `rest` names what is left of many."""

    def gateway(workers: list[WorkerSample]) -> Mapping[str, float]:
        seconds = len({it.time for it in workers}) * traffic.interval_seconds
        return {GATEWAY: sum(it.cpu_seconds for it in workers) / seconds}

    def servers(them: list[ServerSample]) -> Mapping[str, float]:
        seconds = total((it.server, it.interval_seconds) for it in them)
        used = _used(them, _CPU, release)
        return {_named(it, is_alone): used[it] / seconds[it[0]] for it in used}

    is_alone = _is_alone(samples)
    points = bins.chart(traffic.samples, gateway) + bins.chart(samples, servers)
    return _the_largest(points, rest)


def memory(
    bins: Bins, traffic: Traffic, samples: Sequence[ServerSample], release: str | None, rest: str
) -> list[Point]:
    """Resident megabytes of each process, the mean of each bin; `rest` as above."""

    def gateway(workers: list[WorkerSample]) -> Mapping[str, float]:
        count = len({it.time for it in workers})
        return {GATEWAY: sum(it.rss_bytes for it in workers) / count / MEGABYTE}

    def servers(them: list[ServerSample]) -> Mapping[str, float]:
        counts = total((it.server, 1) for it in them)
        used = _used(them, _RSS, release)
        return {_named(it, is_alone): used[it] / counts[it[0]] / MEGABYTE for it in used}

    is_alone = _is_alone(samples)
    points = bins.chart(traffic.samples, gateway) + bins.chart(samples, servers)
    return _the_largest(points, rest)


def gpu_utilisation(bins: Bins, samples: Sequence[ServerSample]) -> list[Point]:
    """Percent, the mean of each bin."""
    return _of_gpus(bins, samples, _UTILISATION, 100.0)


def gpu_memory(bins: Bins, samples: Sequence[ServerSample]) -> list[Point]:
    """Megabytes in use, the mean of each bin."""
    return _of_gpus(bins, samples, _USED, 1 / MEGABYTE)


def _of_gpus(bins: Bins, samples: Sequence[ServerSample], place: int, factor: float) -> list[Point]:
    def measure(them: list[ServerSample]) -> Mapping[str, float]:
        told = [(gpu, used[place]) for it in them for gpu, used in it.gpus.items()]
        counts = total((gpu, 1) for gpu, _ in told)
        return {gpu: it * factor / counts[gpu] for gpu, it in total(told).items()}

    return bins.chart(samples, measure)


def _used(
    samples: Iterable[ServerSample], place: int, release: str | None
) -> dict[tuple[str, str], float]:
    """By server and process, what all samples have together."""
    used: dict[tuple[str, str], float] = defaultdict(float)
    for sample in samples:
        for process, numbers in sample.processes.items():
            if _is_of(process, release):
                used[sample.server, process] += numbers[place]
    return used


def _is_alone(samples: Iterable[ServerSample]) -> bool:
    return len({it.server for it in samples}) == 1


def _named(process: tuple[str, str], is_alone: bool) -> str:
    """With its server where there are several."""
    return process[1] if is_alone else " ".join(process)


def _is_of(process: str, release: str | None) -> bool:
    """Whether a process works for a release; servers work for all."""
    named = release_and_step(process.removesuffix(" decoders"))
    return release is None or named is None or named[0] == release


def _the_largest(points: Sequence[Point], rest: str) -> list[Point]:
    """Put all but the largest series into one."""
    sizes = total((point.series, point.value or 0.0) for point in points)
    largest = sorted(sizes, key=lambda name: -sizes[name])[:MOST_LINES]
    kept = [point for point in points if point.series in largest]
    others = [point for point in points if point.series not in largest]
    moments = sorted({point.began for point in others})
    for began in moments:
        values = [it.value for it in others if it.began == began and it.value is not None]
        kept.append(Point(began, rest, sum(values) if values else None))
    return kept
