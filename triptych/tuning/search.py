"""Coordinate descent with second looks: turn one knob at a time, keep what stays better.

Trials are noisy, so a challenger that looks better is tried again in turn with the one that it
would replace, and the medians decide. It ends with a round in which nothing was better.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from triptych.tuning.knobs import Knob, Setting
from triptych.tuning.trial import Trial

_LEAST_GAIN: Final = 0.03
_ENOUGH: Final = 3  # trials of a winner and of whom it replaces


class OutOfTime(Exception):
    """No further trial fits into the time."""


@dataclass(frozen=True)
class Score:
    """How good a setting is: keeping the bound comes first."""

    per_second: float
    """With the bound kept; 0 where it never was."""
    p99_ms: float
    """The least that was seen."""

    def beats(self, other: Score) -> bool:
        """Whether it is better by more than noise explains at once."""
        if self.per_second or other.per_second:
            return self.per_second > other.per_second * (1 + _LEAST_GAIN)
        return self.p99_ms < other.p99_ms * (1 - _LEAST_GAIN)


@dataclass
class Search:
    """Looks for the best setting.

    Attributes:
        knobs: What can be turned, in this order.
        p99_ms: The bound.
        run: Makes one trial; raises OutOfTime where none fits any more.
        known: Trials of an earlier search that was broken off; they are not made again.
    """

    knobs: Mapping[str, Knob]
    p99_ms: float
    run: Callable[[Setting], Trial]
    known: Iterable[Trial] = ()
    _trials: dict[str, list[Trial]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for trial in self.known:
            self._trials.setdefault(_key(trial.setting), []).append(trial)

    def first_trial(self, setting: Setting) -> Trial:
        """The first that was made with a setting, or is made now.

        Raises:
            OutOfTime: there is no time for any.
        """
        self._have(setting, 1)
        return self.trials_of(setting)[0]

    def best_from(self, start: Setting) -> tuple[Setting, bool]:
        """Descend from a setting.

        Returns:
            The best one, and whether the search came to its end.
        """
        best = start
        try:
            while (better := self._round(best)) != best:
                best = better
        except OutOfTime as exc:
            return (exc.args[0] if exc.args else best), False
        return best, True

    def _round(self, best: Setting) -> Setting:
        for knob in self.knobs.values():
            for direction in (1, -1):
                while (challenger := _turned(best, knob, direction)) is not None:
                    try:
                        has_won = self._wins(challenger, best)
                    except OutOfTime as exc:
                        raise OutOfTime(best) from exc
                    if not has_won:
                        break
                    best = challenger
        return best

    def _wins(self, challenger: Setting, best: Setting) -> bool:
        for trials in range(1, _ENOUGH + 1):
            self._have(challenger, trials)
            self._have(best, trials)
            if not self.score(challenger).beats(self.score(best)):
                return False
        return True

    def _have(self, setting: Setting, trials: int) -> None:
        made = self._trials.setdefault(_key(setting), [])
        while len(made) < trials:
            made.append(self.run(setting))

    def trials_of(self, setting: Setting) -> Sequence[Trial]:
        """All that were made with it."""
        return self._trials.get(_key(setting), ())

    def score(self, setting: Setting) -> Score:
        """The median over its trials."""
        trials = self.trials_of(setting)
        kept = [best.per_second if (best := it.best(self.p99_ms)) else 0.0 for it in trials]
        return Score(median(kept), median(it.least_p99_ms() for it in trials))


def _turned(setting: Setting, knob: Knob, direction: int) -> Setting | None:
    value = knob.next_to(setting[knob.name], direction)
    return None if value is None else {**setting, knob.name: value}


def _key(setting: Setting) -> str:
    return json.dumps(dict(setting), sort_keys=True)
