"""What every module of the suite needs: how often, and where figures go."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults import table
from tests.faults.calibration import slowness
from tests.faults.catalogue import ORDER
from tests.faults.fault import Fault, Outcome
from tests.faults.rig_keeper import RigKeeper

Check = Callable[[RigKeeper, Fault], None]
Report = Callable[[list[Outcome]], None]


@pytest.fixture
def report(pytestconfig: pytest.Config) -> Report:
    """Put what a fault cost into the table, where that is asked for."""

    def run(outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            show(outcome, 1.0)
        if pytestconfig.getoption("write_table"):
            table.record(outcomes, ORDER.index(outcomes[0].fault))

    return run


@pytest.fixture
def check(pytestconfig: pytest.Config) -> Check:
    """Run a fault as often as asked, print what it cost, and assert what must be."""
    rounds = int(pytestconfig.getoption("fault_rounds"))

    def run(keeper: RigKeeper, fault: Fault) -> None:
        if not pytestconfig.getoption("all_faults") and keeper.tritons not in fault.short_with:
            pytest.skip("short form: the other number of Tritons bears it")
        keeper.rig()
        outcomes: list[Outcome] = []
        complaints: list[str] = []
        for _ in range(rounds):
            slow = slowness()
            outcome = keeper.run(fault)
            outcomes.append(outcome)
            complaints += outcome.complaints(fault, slow)
            show(outcome, slow)
        if pytestconfig.getoption("write_table"):
            table.record(outcomes, ORDER.index(fault.name))
        assert not complaints, "\n".join(complaints)

    return run


def show(outcome: Outcome, slow: float) -> None:
    """One line for whoever watches."""
    counts = outcome.counts
    print(  # noqa: T201 - figures
        f"\n{outcome.fault} x{outcome.tritons}: {counts.requests} requests, "
        f"{counts.failed} failed, {counts.wrong} wrong, "
        f"healthy after {outcome.seconds:.2f} s (machine x{slow:.1f}), "
        f"slowest {counts.slowest_seconds:.2f} s, leaked {outcome.leaked or 'nothing'}"
    )
    for complaint in counts.complaints:
        print(f"    {complaint}")  # noqa: T201 - figures
