"""Totals between two looks: nothing is lost, nothing is counted twice, nothing stays for ever."""

from __future__ import annotations

from gateway.control_plane.experiments.totals_store import Counted
from gateway.data_plane.arm_counts import Tally
from gateway.rollouts.totals import ArmTotals
from triptych.routing import Arm, Route

OLD = Counted("digits", 1, "digits_r1")
NOW = Counted("digits", 2, "digits_r1")
ROUTES = {"digits": Route("digits", (Arm("digits_r1", 1),), revision=2)}


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_only_what_changed_is_taken_and_whole() -> None:
    tally = Tally(ArmTotals)
    tally.of(NOW).add(3.0, ["7"])
    assert tally.take_changed()[NOW].requests == 1
    assert tally.take_changed() == {}
    tally.of(NOW).add_failure()
    assert tally.take_changed()[NOW].requests == 2


def test_what_could_not_be_written_is_taken_again() -> None:
    tally = Tally(ArmTotals)
    tally.of(NOW).add(3.0, ["7"])
    tally.put_back(tally.take_changed())
    assert tally.take_changed()[NOW].requests == 1


def test_only_an_old_revision_is_forgotten_and_only_after_a_while() -> None:
    clock = Clock()
    tally = Tally(ArmTotals, clock)
    for counted in (OLD, NOW):
        tally.of(counted).add_failure()
    tally.take_changed()
    clock.now = 599.0
    tally.forget(ROUTES)
    tally.of(OLD).add_failure()  # a late answer
    assert tally.take_changed()[OLD].requests == 2
    clock.now = 1198.0
    tally.forget(ROUTES)
    assert tally.of(OLD).requests == 2
    clock.now = 9999.0
    tally.forget(ROUTES)
    assert tally.take_changed()[OLD].requests == 2  # what was not written down is never forgotten
    clock.now = 19999.0
    tally.forget(ROUTES)
    assert (tally.of(OLD).requests, tally.of(NOW).requests) == (0, 1)
