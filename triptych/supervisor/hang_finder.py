"""A canary was not answered: which step hangs, or is the server only busy?"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from triptych.client.triton import ModelCounts, Outcome
from triptych.errors import CallFailed, CallTimedOut
from triptych.release import Release
from triptych.supervisor.live_triton import STEPS, LiveTriton
from triptych.supervisor.step_progress import StepProgress
from triptych.supervisor.stub_processes import Stub, helpers_at_work, is_at_work, is_stopped

_PROBE_SECONDS: Final = 0.8
_LOOK_SECONDS: Final = 0.02
# A stub that is found at work so often works on something.
_BUSY_SHARE: Final = 0.3
# One batch takes a model some seconds; a loop without end takes longer than this.
_BUSY_PATIENCE_SECONDS: Final = 10.0
# The decoders have deadlines of their own, and a batch of the largest images takes them this long.
_HELPERS_PATIENCE_SECONDS: Final = 60.0


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
    busy_share: float  # of the looks at it: it ran, or waited for a processor
    helpers_share: float = 0.0  # likewise, what it has started
    # Since it finished something, or since the first canary in a row that nobody answered was sent.
    stuck_seconds: float = 0.0


def judge_steps(seen: Mapping[str, StepEvidence]) -> Finding:
    """Decide by what was seen, by step."""
    hung = [step for step, it in seen.items() if it.probe is Outcome.FAILED]
    waits = {Outcome.PENDING, Outcome.REFUSED}
    silent = [step for step, it in seen.items() if it.probe in waits and not it.has_advanced]
    for step in silent:
        if step not in hung and seen[step].stuck_seconds >= _patience_seconds(seen[step]):
            hung.append(step)
    if hung:
        return Finding(Diagnosis.STEPS_HANG, tuple(hung))
    if silent or any(it.has_advanced for it in seen.values()):
        return Finding(Diagnosis.SLOW)
    return Finding(Diagnosis.NOTHING)


def _patience_seconds(seen: StepEvidence) -> float:
    if seen.helpers_share > _BUSY_SHARE:
        return _HELPERS_PATIENCE_SECONDS
    return _BUSY_PATIENCE_SECONDS if seen.busy_share > _BUSY_SHARE else 0.0


@dataclass
class _Looks:
    """How often the stubs of one step were found at work."""

    stubs: Sequence[Stub]
    looks: int = 0
    busy: int = 0
    helped: int = 0

    def look(self) -> None:
        self.looks += 1
        self.busy += any(is_at_work(it.pid) for it in self.stubs)
        self.helped += any(helpers_at_work(it.pid) for it in self.stubs)

    def shares(self) -> tuple[float, float]:
        """Of the stubs, and of what they have started."""
        looks = max(self.looks, 1)
        return self.busy / looks, self.helped / looks


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
    _progress: StepProgress = field(default_factory=StepProgress)

    def find(self, triton: LiveTriton, release: Release, waited_seconds: float) -> Finding:
        """Ask each step for itself, and look at its statistics and its processes meanwhile.

        Args:
            triton: The server.
            release: Which one was not answered.
            waited_seconds: Since the first canary in a row that nobody answered was sent.
        """
        since = self.clock() - waited_seconds
        stopped = tuple(
            step
            for step in STEPS
            if any(is_stopped(it.pid) for it in self.stubs_of(release.name.step(step)))
        )
        if stopped:
            return Finding(Diagnosis.STEPS_HANG, stopped)
        try:
            before = triton.counts()
            seen = self._look(triton, release, before, since)
        except CallTimedOut:
            return Finding(Diagnosis.SERVER_HANGS)
        except CallFailed:
            return Finding(Diagnosis.SERVER_ENDS)
        return judge_steps(seen)

    def _look(
        self,
        triton: LiveTriton,
        release: Release,
        before: Mapping[str, ModelCounts],
        since: float,
    ) -> dict[str, StepEvidence]:
        models = {step: release.name.step(step) for step in STEPS}
        looks = {step: _Looks(self.stubs_of(model)) for step, model in models.items()}
        probes = {
            step: triton.connection.start_inference(model, triton.probe_tensors(release, step))
            for step, model in models.items()
        }
        started = self.clock()
        while self.clock() - started < _PROBE_SECONDS:
            if Outcome.PENDING not in {outcome() for outcome in probes.values()}:
                break
            for it in looks.values():
                it.look()
            self.pause(_LOOK_SECONDS)
        outcomes = {step: outcome() for step, outcome in probes.items()}
        after, now = triton.counts(), self.clock()
        found: dict[str, StepEvidence] = {}
        for step, model in models.items():
            was, had, has = started, _executions(before, model), _executions(after, model)
            self._progress.stuck_seconds(model, had, was, since)
            stuck_seconds = self._progress.stuck_seconds(model, has, now, since)
            own_executions = 1 if outcomes[step] is Outcome.ANSWERED else 0
            has_advanced = has > had + own_executions
            found[step] = StepEvidence(
                outcomes[step], has_advanced, *looks[step].shares(), stuck_seconds
            )
        return found


def _executions(counts: Mapping[str, ModelCounts], model: str) -> int:
    return counts.get(model, ModelCounts()).executions
