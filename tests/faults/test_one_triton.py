"""Every fault with one Triton, one gateway and SQLite: how long, and nothing wrong ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.catalogue import WITH_ONE
from tests.faults.conftest import Check, Report
from tests.faults.fault import Fault
from tests.faults.garbage import garbage_from_one_of_two, garbage_from_the_only_one
from tests.faults.rig_keeper import RigKeeper


@pytest.fixture(scope="module")
def one_triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RigKeeper]:
    keeper = RigKeeper(tmp_path_factory.mktemp("one"))
    yield keeper
    keeper.close()


@pytest.mark.parametrize("fault", WITH_ONE, ids=lambda fault: fault.name)
def test_one_triton_is_well_again(one_triton: RigKeeper, fault: Fault, check: Check) -> None:
    check(one_triton, fault)


def test_garbage_from_one_of_two_tritons_costs_nothing(
    one_triton: RigKeeper, tmp_path: Path, report: Report
) -> None:
    outcome = garbage_from_one_of_two(one_triton.rig().stack, tmp_path)
    report([outcome])
    assert (outcome.counts.failed, outcome.counts.wrong) == (0, 0), outcome.counts


def test_garbage_from_the_only_triton_is_a_clean_error(
    one_triton: RigKeeper, tmp_path: Path, report: Report
) -> None:
    outcome = garbage_from_the_only_one(one_triton.rig().stack, tmp_path)
    report([outcome])
    counts = outcome.counts
    assert (counts.good, counts.wrong, counts.failed) == (0, 0, counts.requests), counts
    assert all(": 50" in complaint for complaint in counts.complaints), counts


def test_a_quiet_moment_gives_back_what_heals_left(one_triton: RigKeeper) -> None:
    assert one_triton.give_back() == []
