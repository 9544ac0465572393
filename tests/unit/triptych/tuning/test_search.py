"""The search on landscapes that are known, with noise that is not."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from triptych.tuning.closed_loop import Load
from triptych.tuning.knobs import Knob, Setting
from triptych.tuning.search import OutOfTime, Search
from triptych.tuning.trial import Trial

P99_MS = 100.0
KNOBS = {
    name: Knob(name, values, lambda _steps: 0, lambda _steps, _value: None)
    for name, values in {"a": (1, 2, 3, 4), "b": (0, 5, 10), "c": (1, 2)}.items()
}
START = {"a": 1, "b": 10, "c": 1}


def level(per_second: float, p99_ms: float = 50.0) -> Load:
    return Load(8, per_second, p99_ms / 2, p99_ms, 1.0, failures=0)


def rate(setting: Setting) -> float:
    """Best at a=3, b=0, c=2."""
    return 100 - 10 * abs(setting["a"] - 3) - 2 * setting["b"] + 15 * (setting["c"] == 2)


class Machine:
    """Gives what a landscape says, and counts."""

    def __init__(self, give: Callable[[Setting], Trial], most: int = 10_000) -> None:
        self.give = give
        self.most = most
        self.asked: list[dict[str, int]] = []

    def __call__(self, setting: Setting) -> Trial:
        if len(self.asked) == self.most:
            raise OutOfTime
        self.asked.append(dict(setting))
        return self.give(setting)


def plain(setting: Setting) -> Trial:
    return Trial(setting, (level(rate(setting)),))


def test_the_best_setting_is_found_and_the_end_is_known() -> None:
    machine = Machine(plain)
    best, is_complete = Search(KNOBS, P99_MS, machine).best_from(START)
    assert (best, is_complete) == ({"a": 3, "b": 0, "c": 2}, True)
    assert len(machine.asked) < 4 * 3 * 2 * 3  # fewer than trying everything as often


@pytest.mark.parametrize("seed", range(10))
def test_noise_of_ten_percent_does_not_lead_far_away(seed: int) -> None:
    noise = random.Random(seed)  # noqa: S311 - no secret
    machine = Machine(lambda it: Trial(it, (level(rate(it) * noise.uniform(0.9, 1.1)),)))
    best, _ = Search(KNOBS, P99_MS, machine).best_from(START)
    assert rate(best) >= 0.8 * 115
    assert rate(best) > 1.5 * rate(START)


def test_where_nothing_is_better_the_start_stays() -> None:
    machine = Machine(lambda it: Trial(it, (level(100),)))
    assert Search(KNOBS, P99_MS, machine).best_from(START) == (START, True)


def test_a_setting_that_breaks_the_bound_never_wins_however_fast() -> None:
    def give(setting: Setting) -> Trial:
        return Trial(setting, (level(1000, 101.0) if setting["a"] > 1 else level(10),))

    best, _ = Search(KNOBS, P99_MS, Machine(give)).best_from(START)
    assert best["a"] == 1


def test_where_no_setting_keeps_the_bound_the_nearest_is_found() -> None:
    machine = Machine(lambda it: Trial(it, (level(50, 300 - rate(it)),)))
    best, _ = Search(KNOBS, P99_MS, machine).best_from(START)
    assert best == {"a": 3, "b": 0, "c": 2}


def test_a_setting_that_cannot_be_served_never_wins() -> None:
    def give(setting: Setting) -> Trial:
        return Trial(setting, (), "it does not load") if setting["c"] == 2 else plain(setting)

    best, is_complete = Search(KNOBS, P99_MS, Machine(give)).best_from(START)
    assert (best, is_complete) == ({"a": 3, "b": 0, "c": 1}, True)


def test_when_the_time_is_up_the_best_so_far_counts() -> None:
    machine = Machine(plain, most=9)
    best, is_complete = Search(KNOBS, P99_MS, machine).best_from(START)
    assert not is_complete
    assert rate(START) < rate(best) < 115


def test_without_time_for_a_trial_the_start_stays() -> None:
    search = Search(KNOBS, P99_MS, Machine(plain, most=1))
    assert search.first_trial(START) == search.first_trial(START) == plain(START)
    assert search.best_from(START) == (START, False)
    with pytest.raises(OutOfTime):
        search.first_trial({**START, "a": 2})


def test_what_was_tried_before_is_not_tried_again() -> None:
    first = Machine(plain, most=9)
    Search(KNOBS, P99_MS, first).best_from(START)
    whole, rest = Machine(plain), Machine(plain)
    Search(KNOBS, P99_MS, whole).best_from(START)
    known = [plain(it) for it in first.asked]
    best, is_complete = Search(KNOBS, P99_MS, rest, known).best_from(START)
    assert (best, is_complete) == ({"a": 3, "b": 0, "c": 2}, True)
    assert len(first.asked) + len(rest.asked) == len(whole.asked)
