"""A stub that works all the time: on one batch after another, or on one for ever."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from tests.unit.triptych.small_release import write_small_release
from triptych.client.triton import ModelCounts, Outcome
from triptych.release import Release, read_release
from triptych.routing import ReleaseName
from triptych.supervisor.hang_finder import Diagnosis, HangFinder
from triptych.supervisor.live_triton import LiveTriton
from triptych.supervisor.stub_processes import Stub

MODEL = "digits_r1_model"
BETWEEN_LOOKS_SECONDS = 1.2


class ModelIsBusy:
    """A server whose model step answers no probe in time.

    Args:
        executions_at: What it has executed by then.
    """

    def __init__(self, executions_at: Callable[[float], int]) -> None:
        self.now = 0.0
        self.connection = self
        self._executions_at = executions_at

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds

    def counts(self) -> dict[str, ModelCounts]:
        return {MODEL: ModelCounts(executions=self._executions_at(self.now))}

    def probe_tensors(self, _release: Release, _step: str) -> list[object]:
        return []

    def start_inference(self, model: str, _tensors: list[object]) -> Callable[[], Outcome]:
        return lambda: Outcome.PENDING if model == MODEL else Outcome.ANSWERED


@pytest.fixture
def busy_pid() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    yield process.pid
    process.kill()
    process.wait()


@pytest.fixture
def release(tmp_path: Path) -> Release:
    write_small_release(tmp_path)
    return read_release(tmp_path, ReleaseName("digits", 1))


def hung_after(release: Release, busy_pid: int, executions_at: Callable[[float], int]) -> float:
    """When the model is said to hang, of a minute in which no canary is answered."""
    server = ModelIsBusy(executions_at)
    finder = HangFinder(
        lambda model: [Stub(busy_pid, model)] if model == MODEL else [],
        clock=server.clock,
        pause=server.pause,
    )
    while server.now < 60:
        server.now += BETWEEN_LOOKS_SECONDS
        finding = finder.find(cast(LiveTriton, server), release, server.now)
        if finding.diagnosis is Diagnosis.STEPS_HANG:
            assert finding.steps == ("model",)
            return server.now
    return float("inf")


def test_one_that_finishes_a_batch_every_few_seconds_does_not_hang_however_long_the_queue(
    release: Release, busy_pid: int
) -> None:
    assert hung_after(release, busy_pid, lambda now: int(now / 7)) == float("inf")


def test_one_that_finishes_nothing_for_ten_seconds_hangs_whatever_it_did_before(
    release: Release, busy_pid: int
) -> None:
    assert 10 <= hung_after(release, busy_pid, lambda _: 1000) <= 12
    # It is found at the same pace when it has worked well for half a minute.
    assert 40 <= hung_after(release, busy_pid, lambda now: int(min(now, 30))) <= 43


def test_what_was_seen_before_the_first_silent_canary_buys_no_time(
    release: Release, busy_pid: int
) -> None:
    server = ModelIsBusy(lambda now: int(now < 50))
    stubs = [Stub(busy_pid, MODEL)]
    finder = HangFinder(lambda _: stubs, clock=server.clock, pause=server.pause)
    finder.find(cast(LiveTriton, server), release, 1.0)
    server.now = 100.0  # the count has changed since that look, long ago

    finding = finder.find(cast(LiveTriton, server), release, 11.0)

    assert finding.diagnosis is Diagnosis.STEPS_HANG
