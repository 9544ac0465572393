from __future__ import annotations

from dataclasses import dataclass

from python_backends.image_preprocess.patience import LOOK_SECONDS, Patience


@dataclass
class FakeWorker:
    """A decoder on a machine whose clocks the test sets."""

    wall_seconds: float = 0.0
    used_seconds: float = 5.0  # in its life before
    is_asleep: bool = False

    def cpu_seconds(self) -> float:
        return self.used_seconds

    def spend(self, wall_seconds: float, cpu_seconds: float = 0.0) -> None:
        self.wall_seconds += wall_seconds
        self.used_seconds += cpu_seconds


def patience(worker: FakeWorker, more_seconds: float = 0.0) -> Patience:
    return Patience(worker, 1.0, lambda: more_seconds, now=lambda: worker.wall_seconds)


def test_before_the_deadline_nobody_looks() -> None:
    worker = FakeWorker(is_asleep=True)
    watch = patience(worker)
    worker.spend(0.9, cpu_seconds=99)

    assert not watch.is_over_now()
    assert 0.05 < watch.seconds_to_next_look() < 0.15


def test_a_loop_ends_when_it_has_used_its_cpu_time() -> None:
    worker = FakeWorker()
    watch = patience(worker)
    worker.spend(1.0, cpu_seconds=0.99)
    assert not watch.is_over_now()

    worker.spend(LOOK_SECONDS, cpu_seconds=LOOK_SECONDS)
    assert watch.is_over_now()


def test_one_that_waits_for_a_busy_processor_gets_more_time_but_not_for_ever() -> None:
    worker = FakeWorker()
    watch = patience(worker)
    worker.spend(9.9, cpu_seconds=0.1)
    assert not watch.is_over_now()

    worker.spend(0.2)
    assert watch.is_over_now()


def test_one_that_sleeps_is_given_up_after_a_few_looks() -> None:
    worker = FakeWorker(is_asleep=True)
    watch = patience(worker)
    looks = []
    worker.spend(1.0)
    for _ in range(5):
        looks.append(watch.is_over_now())
        worker.spend(LOOK_SECONDS)

    assert looks == [False, False, False, False, True]


def test_one_that_wakes_up_in_between_is_not_asleep() -> None:
    worker = FakeWorker()
    watch = patience(worker)
    worker.spend(1.0)
    for look in range(20):
        worker.is_asleep = look % 4 != 3
        assert not watch.is_over_now()
        worker.spend(LOOK_SECONDS)


def test_a_large_picture_gets_more_and_is_asked_about_once() -> None:
    worker = FakeWorker()
    watch = patience(worker, more_seconds=2.0)
    worker.spend(2.9, cpu_seconds=2.9)
    assert not watch.is_over_now()

    worker.spend(0.2, cpu_seconds=0.2)
    assert watch.is_over_now()
