"""Who runs and says nothing."""

from __future__ import annotations

from triptych.stack.hang_watch import HUNG_SECONDS, HangWatch


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_one_that_falls_silent_hangs_after_a_while_and_its_successor_begins_anew() -> None:
    clock = Clock()
    watch = HangWatch(clock)
    assert not watch.hangs(1, has_spoken=True)
    clock.now += HUNG_SECONDS
    assert not watch.hangs(1, has_spoken=False)
    clock.now += 1
    assert watch.hangs(1, has_spoken=False)
    watch.forget(1)
    assert not watch.hangs(2, has_spoken=False)


def test_one_that_has_never_spoken_is_still_starting() -> None:
    clock = Clock()
    watch = HangWatch(clock)
    for _ in range(3):
        clock.now += HUNG_SECONDS
        assert not watch.hangs(1, has_spoken=False)


def test_a_word_in_between_starts_the_clock_again() -> None:
    clock = Clock()
    watch = HangWatch(clock)
    for _ in range(5):
        clock.now += HUNG_SECONDS - 1
        assert not watch.hangs(1, has_spoken=True)
