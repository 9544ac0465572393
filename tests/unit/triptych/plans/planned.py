"""What tests ask of a supervisor that may give digits_r1 a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fakes.fake_triton import FakeTriton
from tests.unit.triptych.waiting import wait_until
from tests.unit.triptych.watched_supervisor import STAYS, Watched, is_ready, watched
from triptych.supervisor.status import PlanStatus

TRIAL = "digits_r1_plan"


@contextmanager
def ready(tmp_path: Path, triton: FakeTriton, **settings: object) -> Iterator[Watched]:
    with watched(tmp_path, triton, STAYS, **settings) as running:
        wait_until(is_ready(running))
        yield running


def plan(running: Watched) -> PlanStatus | None:
    return running.supervisor.status().releases["digits_r1"].plan


def is_in(running: Watched, phase: str) -> Callable[[], bool]:
    def look() -> bool:
        found = plan(running)
        return found is not None and found.phase == phase

    return look


def reason(running: Watched) -> str:
    found = plan(running)
    assert found is not None
    return found.reason or ""


def engine(running: Watched) -> str:
    return running.supervisor.status().releases["digits_r1"].engine


def platforms(triton: FakeTriton) -> list[str]:
    """Backend or platform of every load with a configuration."""
    return [it.get("platform") or it.get("backend", "") for _, it in triton.overrides]
