"""Tune one release: trials within so many minutes, and what they say."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from triptych.errors import OptionInvalid, ReleaseExists, StartFailed
from triptych.release import Release
from triptych.routing import ReleaseName
from triptych.tuning.closed_loop import Load
from triptych.tuning.journal import Journal
from triptych.tuning.knobs import Knob, Setting, knobs_of, read_steps
from triptych.tuning.search import OutOfTime, Search
from triptych.tuning.trial import Trial, Trials
from triptych.tuning.tuned_release import find_tuned, write_tuned

_LEVEL_SECONDS: Final = 2.0


@dataclass(frozen=True)
class TuneRequest:
    """What somebody wants."""

    release: Release
    p99_ms: float
    minutes: float
    journal: Journal
    items: Sequence[bytes] = ()
    """Encoded images or texts to ask with; by default the release's golden inputs."""
    only: Sequence[str] = ()
    """Knobs to turn; by default all."""
    level_seconds: float = _LEVEL_SECONDS


@dataclass(frozen=True)
class Figures:
    """What a setting gave, as medians over its trials."""

    setting: Setting
    per_second: float
    concurrency: int
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    trials: int

    def to_json(self) -> dict[str, object]:
        """Plain values."""
        return {**self.__dict__, "setting": dict(self.setting)}


@dataclass(frozen=True)
class Tuned:
    """How it ended."""

    before: Figures | None
    """None where the bound was not kept."""
    after: Figures | None
    setting: Setting
    start: Setting
    is_complete: bool
    """Whether the search came to its end."""
    trials: int
    knobs: dict[str, Knob]

    @property
    def is_better(self) -> bool:
        """Whether there is anything to write."""
        return self.after is not None and self.setting != self.start

    def report(self, p99_ms: float) -> dict[str, object]:
        """What release.json keeps."""
        return {
            "p99_ms": p99_ms,
            "before": self.before and self.before.to_json(),
            "after": self.after and self.after.to_json(),
            "trials": self.trials,
            "complete": self.is_complete,
        }


def tune(
    request: TuneRequest,
    on_level: Callable[[Setting, Load], None],
    clock: Callable[[], float] = time.monotonic,
) -> Tuned:
    """Search for the setting with most answers per second under the bound.

    Args:
        request: What somebody wants.
        on_level: Is told of each level of load, and of what is turned meanwhile.
        clock: In seconds.

    Raises:
        StartFailed: not even the release as it is can be served.
        EnvironmentUnfit: Triton cannot be started here.
        OptionInvalid: there is no such knob.
    """
    release = request.release
    knobs, start = knobs_of(release, read_steps(release))

    def tell(setting: Setting, level: Load) -> None:
        on_level({name: it for name, it in setting.items() if it != start[name]}, level)

    turned = _chosen(knobs, request.only)
    items = request.items or [golden.file.read_bytes() for golden in release.golden]
    trials = Trials(release, knobs, items, request.p99_ms, request.level_seconds, tell)
    run = _Timed(trials.run, request.journal, clock, clock() + 60 * request.minutes)
    search = Search(turned, request.p99_ms, run, request.journal.read())
    failure = search.first_trial(start).failure
    if failure:
        raise StartFailed(f"{release.name} cannot be served as it is: {failure}")
    setting, is_complete = search.best_from(start)
    before, after = (_figures(search, it, request.p99_ms) for it in (start, setting))
    return Tuned(before, after, setting, start, is_complete, run.made, knobs)


def _chosen(knobs: Mapping[str, Knob], only: Sequence[str]) -> Mapping[str, Knob]:
    unknown = sorted(set(only) - knobs.keys())
    if unknown:
        raise OptionInvalid(f"there is no knob {unknown[0]!r}; there are {', '.join(knobs)}")
    return {name: knob for name, knob in knobs.items() if not only or name in only}


class _Timed:
    """Trials until the time is up; each is remembered."""

    def __init__(
        self,
        run: Callable[[Setting], Trial],
        journal: Journal,
        clock: Callable[[], float],
        deadline: float,
    ) -> None:
        self.made = 0
        self._run = run
        self._journal = journal
        self._clock = clock
        self._deadline = deadline
        self._longest = 0.0

    def __call__(self, setting: Setting) -> Trial:
        began = self._clock()
        if began + self._longest > self._deadline:
            raise OutOfTime
        trial = self._run(setting)
        self._longest = max(self._longest, self._clock() - began)
        if not trial.failure:  # which may have been an accident
            self._journal.add(trial)
        self.made += 1
        return trial


def _figures(search: Search, setting: Setting, p99_ms: float) -> Figures | None:
    trials = search.trials_of(setting)
    levels = [best for it in trials if (best := it.best(p99_ms))]
    if not search.score(setting).per_second:  # more often than not the bound was broken
        return None
    middle = sorted(levels, key=lambda it: it.per_second)[len(levels) // 2]
    return Figures(
        setting,
        round(median(it.per_second for it in levels), 1),
        middle.concurrency,
        round(median(it.p50_ms for it in levels), 2),
        round(median(it.p99_ms for it in levels), 2),
        round(median(it.cpu_ms for it in levels), 2),
        len(trials),
    )


def write(request: TuneRequest, tuned: Tuned) -> ReleaseName:
    """Write what was found as a new release.

    Raises:
        ReleaseExists: it was written before, or somebody else took the number meanwhile.
    """
    same = find_tuned(request.release, tuned.setting)
    if same:
        raise ReleaseExists(
            f"{same} was tuned from {request.release.name} and has this setting already."
        )
    report = tuned.report(request.p99_ms)
    return write_tuned(request.release, tuned.knobs, tuned.setting, report)
