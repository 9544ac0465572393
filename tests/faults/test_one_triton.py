"""Every fault with one Triton, one gateway and SQLite: how long, and nothing wrong ever."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.catalogue import WITH_ONE
from tests.faults.conftest import Check
from tests.faults.fault import Fault
from tests.faults.rig_keeper import RigKeeper


@pytest.fixture(scope="module")
def one_triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RigKeeper]:
    keeper = RigKeeper(tmp_path_factory.mktemp("one"))
    yield keeper
    keeper.close()


@pytest.mark.parametrize("fault", WITH_ONE, ids=lambda fault: fault.name.replace(" ", "-"))
def test_one_triton_is_well_again(one_triton: RigKeeper, fault: Fault, check: Check) -> None:
    check(one_triton, fault)


def test_a_quiet_moment_gives_back_what_heals_left(one_triton: RigKeeper) -> None:
    assert one_triton.give_back() == []
