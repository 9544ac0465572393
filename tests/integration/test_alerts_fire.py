"""A healthy stack fires no alert; what is broken on purpose fires those that the runbook says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import httpx
import pytest

from tests.integration.alert_drills import DRILLS, Drill
from tests.integration.alert_rig import Rig, alert_rig
from tests.rules.test_monitoring import ALERTS

SECONDS = 120.0
HEALTHY_SECONDS = 20.0
# Needs a GPU, or the scripts in its place of tests/integration/test_plans.py.
NOT_HERE = {"PlanRefused"}

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with alert_rig(tmp_path_factory.mktemp("alerts")) as running:
        yield running


def test_each_alert_is_tried() -> None:
    tried = {alert for drill in DRILLS for alert in drill.fires}

    assert tried == set(ALERTS) - NOT_HERE


def test_while_all_is_well_nothing_fires(rig: Rig) -> None:
    time.sleep(HEALTHY_SECONDS / 2)  # the start itself is over
    until = time.monotonic() + HEALTHY_SECONDS
    fired: set[str] = set()
    while time.monotonic() < until:
        fired |= rig.prometheus.firing()
        time.sleep(0.5)

    assert rig.prometheus.query("alias:triptych_requests:rate5m > 0")
    assert not fired


@pytest.mark.parametrize("drill", DRILLS, ids=lambda it: it.name)
def test_what_is_broken_is_told_until_it_is_mended_as_the_runbook_says(
    rig: Rig, drill: Drill
) -> None:
    _wait(lambda: not rig.prometheus.firing(), "quiet before the drill", rig)
    drill.begin(rig)
    fired = _fire(rig, drill)
    over = threading.Event()
    harm = threading.Thread(target=_go_on, args=(rig, drill, over))
    harm.start()
    mending = time.monotonic()
    try:
        drill.mend(rig)
        _wait(lambda: not drill.fires & rig.prometheus.firing(), f"end of {drill.name}", rig)
        ended = time.monotonic() - mending
    finally:
        over.set()
        harm.join()
        drill.end(rig)
    print(f"{drill.name}: {fired}, mended in {ended:.0f} s")  # noqa: T201 - a figure
    _wait(rig.is_well, "answer", rig)


def _fire(rig: Rig, drill: Drill) -> dict[str, float]:
    """Wait for its alerts; which fired, and after how many seconds."""
    began = time.monotonic()
    fired: dict[str, float] = {}
    while not drill.fires <= fired.keys():
        waited = time.monotonic() - began
        assert waited < SECONDS, f"{sorted(drill.fires - fired.keys())} did not fire: {fired}"
        drill.again(rig)
        for alert in rig.prometheus.firing():
            fired.setdefault(alert, round(waited, 1))
        time.sleep(1)
    return fired


def _go_on(rig: Rig, drill: Drill, over: threading.Event) -> None:
    while drill.follows and not over.wait(1):
        with suppress(AssertionError, httpx.HTTPError):
            drill.again(rig)


def _wait(is_so: Callable[[], bool], what: str, rig: Rig) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"no {what}; there fires {rig.prometheus.firing()}"
        time.sleep(0.5)
