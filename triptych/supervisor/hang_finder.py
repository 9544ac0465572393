"""A canary was not answered: which step hangs, or is the server only busy?"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from triptych.client.triton import ModelCounts, Outcome
from triptych.errors import CallFailed, CallTimedOut
from triptych.release import Release
from triptych.supervisor.live_triton import STEPS, LiveTriton
from triptych.supervisor.stub_processes import Stub, cpu_seconds, is_stopped

_PROBE_SECONDS: Final = 0.8
# A stub that uses so much of a core works on something.
_BUSY_SHARE: Final = 0.3
# One batch of the largest images takes some seconds; a loop without end takes longer than this.
_BUSY_PATIENCE_SECONDS: Final = 10.0


class Diagnosis(Enum):
    """What holds up the canary."""

    STEPS_HANG = auto()
    SERVER_HANGS = auto()
    SERVER_ENDS = auto()  # it refuses everything: it is gone, or somebody sent it SIGTERM
    SLOW = auto()  # others are answered meanwhile: overload, no reason to heal
    NOTHING = auto()  # every step answers, but nobody was answered meanwhile


@dataclass(frozen=True)
class Finding:
    """The diagnosis, and the steps it is about."""

    diagnosis: Diagnosis
    steps: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepEvidence:
    """What was seen of one step within the time of the probe."""

    probe: Outcome
    has_advanced: bool
    busy_share: float


def judge_steps(seen: Mapping[str, StepEvidence], waited_seconds: float) -> Finding:
    """Decide by what was seen.

    Args:
        seen: By step.
        waited_seconds: Since the first canary in a row that nobody answered was sent.
    """
    hung = [step for step, it in seen.items() if it.probe is Outcome.FAILED]
    waits = {Outcome.PENDING, Outcome.REFUSED}
    silent = [step for step, it in seen.items() if it.probe in waits and not it.has_advanced]
    for step in silent:
        is_busy = seen[step].busy_share > _BUSY_SHARE
        if step not in hung and not (is_busy and waited_seconds < _BUSY_PATIENCE_SECONDS):
            hung.append(step)
    if hung:
        return Finding(Diagnosis.STEPS_HANG, tuple(hung))
    if silent or any(it.has_advanced for it in seen.values()):
        return Finding(Diagnosis.SLOW)
    return Finding(Diagnosis.NOTHING)


@dataclass
class HangFinder:
    """Looks into one server.

    Args:
        stubs_of: The living stubs of a model.
        clock: Monotonic seconds.
        pause: Waits so many seconds.
    """

    stubs_of: Callable[[str], list[Stub]]
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], object] = field(default=time.sleep)

    def find(self, triton: LiveTriton, release: Release, waited_seconds: float) -> Finding:
        """Ask each step for itself, and look at its statistics and its processor time meanwhile."""
        stopped = tuple(
            step
            for step in STEPS
            if any(is_stopped(it.pid) for it in self.stubs_of(release.name.step(step)))
        )
        if stopped:
            return Finding(Diagnosis.STEPS_HANG, stopped)
        try:
            before = triton.counts()
            seen = self._look(triton, release, before)
        except CallTimedOut:
            return Finding(Diagnosis.SERVER_HANGS)
        except CallFailed:
            return Finding(Diagnosis.SERVER_ENDS)
        return judge_steps(seen, waited_seconds)

    def _look(
        self, triton: LiveTriton, release: Release, before: Mapping[str, ModelCounts]
    ) -> dict[str, StepEvidence]:
        models = {step: release.name.step(step) for step in STEPS}
        stubs = {step: self.stubs_of(model) for step, model in models.items()}
        used = {step: sum(cpu_seconds(it.pid) for it in stubs[step]) for step in STEPS}
        probes = {
            step: triton.connection.start_inference(model, triton.probe_tensors(release, step))
            for step, model in models.items()
        }
        started = self.clock()
        while self.clock() - started < _PROBE_SECONDS:
            if Outcome.PENDING not in {outcome() for outcome in probes.values()}:
                break
            self.pause(0.02)
        seconds = max(self.clock() - started, 0.02)
        outcomes = {step: outcome() for step, outcome in probes.items()}
        after = triton.counts()
        nothing = ModelCounts()
        return {
            step: StepEvidence(
                probe=outcomes[step],
                has_advanced=after.get(model, nothing).executions
                > before.get(model, nothing).executions + (outcomes[step] is Outcome.ANSWERED),
                busy_share=(sum(cpu_seconds(it.pid) for it in stubs[step]) - used[step]) / seconds,
            )
            for step, model in models.items()
        }
