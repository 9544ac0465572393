from __future__ import annotations

from triptych.client.triton import ModelCounts
from triptych.supervisor.quiet_watch import ReleaseWatch


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def counted(ensemble: int, step: int, other: int = 0) -> dict[str, ModelCounts]:
    return {
        "digits_r1": ModelCounts(requests=ensemble),
        "digits_r1_model": ModelCounts(requests=step - 1, failures=1),
        "cats_r1": ModelCounts(requests=other),
    }


def test_quiet_grows_until_somebody_asks_the_ensemble_or_one_of_its_steps() -> None:
    clock = Clock()
    watch = ReleaseWatch(["digits_r1", "digits_r1_model"], clock)

    assert watch.look(counted(5, 5)) == 0
    clock.now += 3
    assert watch.look(counted(5, 5, other=9)) == 3
    assert watch.look(counted(7, 7)) == 0
    clock.now += 2
    assert watch.look(counted(7, 7)) == 2
    assert watch.look(counted(7, 8)) == 0
    assert watch.inferences == 3


def test_a_step_that_was_loaded_anew_counts_from_nothing_and_is_no_quiet() -> None:
    clock = Clock()
    watch = ReleaseWatch(["digits_r1", "digits_r1_model"], clock)
    watch.look(counted(5, 5))
    clock.now += 3

    assert watch.look(counted(5, 2)) == 0
    assert watch.inferences == 2
    assert watch.look({}) == 0  # and one that is gone, too
