"""A machine whose shared memory is full, and one whose clock jumps; one Triton each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.conftest import Check
from tests.faults.fault import Fault
from tests.faults.faults_of_machine import MACHINE_FAULTS, PRIVATE_SHARED_MEMORY
from tests.faults.jumping_clock import JumpingClock
from tests.faults.rig_keeper import RigKeeper


@pytest.fixture(scope="module")
def odd_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RigKeeper]:
    folder = tmp_path_factory.mktemp("odd")
    clock = JumpingClock(folder)
    keeper = RigKeeper(
        folder,
        "--no-ui",
        prefix=PRIVATE_SHARED_MEMORY,
        environment=clock.variables,
        extras={"clock": clock},
    )
    yield keeper
    keeper.close()


@pytest.mark.parametrize("fault", [*MACHINE_FAULTS], ids=lambda fault: fault.name)
def test_an_odd_machine_is_borne(odd_machine: RigKeeper, fault: Fault, check: Check) -> None:
    check(odd_machine, fault)
