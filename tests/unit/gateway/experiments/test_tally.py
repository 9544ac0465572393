"""Totals between two looks: nothing is lost, nothing is counted twice, nothing stays for ever."""

from __future__ import annotations

import asyncio
from unittest.mock import Mock

import pytest

from gateway.control_plane.experiments.totals_store import Counted
from gateway.data_plane.arm_counts import ArmCounts, Tally
from gateway.data_plane.routing.route_book import Choice
from gateway.data_plane.routing.target import Target
from gateway.request_context import RequestRecord, record
from gateway.rollouts.totals import ArmTotals
from python_backends.shared.contract import ItemAnswer, Status, Task
from triptych.routing import Arm, Route, Shadow

OLD = Counted("digits", 1, "digits_r1")
NOW = Counted("digits", 2, "digits_r1")
CHOICE = Choice(
    Target("digits_r1", "f", Task.IMAGE_CLASSIFICATION, 8, 10),
    "digits_r1",
    2,
    Shadow("digits_r2", 100.0),
    is_compared=True,
)
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


async def test_a_copy_that_cannot_be_made_is_no_reason_to_lose_the_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken:
        def offer(self, *_: object) -> None:
            raise RuntimeError("no room in here")

    record.set(RequestRecord(alias="digits", triton_calls=1, triton_ms=5.0))
    good = [ItemAnswer(Status.OK, ("7",), (0.9,))]

    async def asked() -> list[ItemAnswer]:
        return good

    assert await ArmCounts(Broken()).watched(CHOICE, [b"seven"], asked()) == good
    assert "a request could not be copied" in caplog.text


@pytest.mark.parametrize(("calls", "counted"), [(1, 1), (0, 0)])
async def test_who_hangs_up_while_triton_works_has_waited_at_least_so_long(
    calls: int, counted: int
) -> None:
    record.set(RequestRecord(alias="digits", triton_calls=calls, triton_ms=900.0))
    counts = ArmCounts(Mock())

    async def asked() -> list[ItemAnswer]:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await counts.watched(CHOICE, [b"seven"], asked())

    totals = counts.tally.of(NOW)
    assert (totals.requests, totals.failures, totals.items) == (counted, 0, 0)
    assert totals.latency.total == counted
