"""What each step of the ensembles did: batches, time in its queue and in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ui.calls.monitoring import STEP_FIELDS, ServerSample
from ui.figures.bins import Bins, Point

# In the order of a request; the rows of whole ensembles are left out.
STEPS = ("preprocess", "model", "postprocess")


@dataclass(frozen=True)
class StepTotals:
    """Sums over requests of one step."""

    requests: float = 0.0
    items: float = 0.0
    executions: float = 0.0
    queue_ms: float = 0.0
    compute_ms: float = 0.0
    failures: float = 0.0

    @property
    def mean_batch(self) -> float | None:
        """Items per execution."""
        return self.items / self.executions if self.executions else None

    @property
    def mean_queue_ms(self) -> float | None:
        """Of a request."""
        return self.queue_ms / self.requests if self.requests else None

    @property
    def mean_compute_ms(self) -> float | None:
        """Of a request; a batch takes that long for each of its requests."""
        return self.compute_ms / self.requests if self.requests else None


@dataclass(frozen=True)
class StepRow:
    """One step of one release over the whole window."""

    release: str
    step: str
    totals: StepTotals


def releases_of(samples: Iterable[ServerSample]) -> set[str]:
    """Every release that was loaded."""
    named = (release_and_step(model) for sample in samples for model in sample.models)
    return {it[0] for it in named if it}


@lru_cache(maxsize=1024)
def release_and_step(model: str) -> tuple[str, str] | None:
    """Take the name of a step's model apart; None for anything else."""
    release, _, step = model.rpartition("_")
    return (release, step) if release and step in STEPS else None


def by_step(
    bins: Bins,
    samples: Iterable[ServerSample],
    release: str | None,
    measure: Callable[[StepTotals], float | None],
) -> list[Point]:
    """Measure each step, over all releases or of one."""

    def of_bin(samples: list[ServerSample]) -> Mapping[str, float | None]:
        sums = _sum(_rows(samples, release))
        return {
            step: measure(_added(totals for (_, of), totals in sums.items() if of == step))
            for step in STEPS
        }

    return bins.chart(samples, of_bin)


def in_window(bins: Bins, samples: Iterable[ServerSample], release: str | None) -> list[StepRow]:
    """Every step of every release, or of one, over the whole window."""
    inside = [it for them in bins.sort(samples).values() for it in them]
    sums = _sum(_rows(inside, release))
    found = [StepRow(name, step, totals) for (name, step), totals in sums.items()]
    return sorted(found, key=lambda row: (row.release, STEPS.index(row.step)))


_Row = tuple[tuple[str, str], Sequence[float]]


def _rows(samples: Iterable[ServerSample], release: str | None) -> Iterator[_Row]:
    for sample in samples:
        for model, numbers in sample.models.items():
            named = release_and_step(model)
            if named and release in (None, named[0]):
                yield named, numbers


def _sum(rows: Iterable[_Row]) -> dict[tuple[str, str], StepTotals]:
    sums: dict[tuple[str, str], list[float]] = {}
    for named, numbers in rows:
        before = sums.setdefault(named, [0.0] * len(STEP_FIELDS))
        sums[named] = [one + more for one, more in zip(before, numbers, strict=True)]
    return {named: StepTotals(*numbers) for named, numbers in sums.items()}


def _added(totals: Iterable[StepTotals]) -> StepTotals:
    numbers = [
        (it.requests, it.items, it.executions, it.queue_ms, it.compute_ms, it.failures)
        for it in totals
    ]
    return StepTotals(*map(sum, zip(*numbers, strict=True))) if numbers else StepTotals()
