"""A rollout on a simulated clock: the shipped decision code over outcomes of real requests.

The recording is replayed in its order from a random place on, so that slow moments last as long as
they did and hit both arms; who meets the candidate and who is mirrored is drawn.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from gateway.rollouts.policy import (
    Action,
    Decision,
    RolloutTerms,
    StepEvidence,
    decide,
    latency_thresholds,
)
from gateway.rollouts.totals import ItemOutcome

RECORDING: Final = (
    Path(__file__).resolve().parents[1] / "tests" / "data" / "rollouts" / "outcomes.json.gz"
)
_LONGEST_SECONDS: Final = 7200
_FAILED: Final = ItemOutcome(failed=True)

Pair = tuple[ItemOutcome, ItemOutcome]


@dataclass(frozen=True)
class Case:
    """What is wrong with the candidate."""

    name: str
    wrong_labels: float = 0.0
    """Share of items whose second label comes first."""
    failures: float = 0.0
    """Share of requests that fail."""
    latency_factor: float = 1.0
    is_good: bool = False
    """Whether it is to be promoted."""


CASES: Final = (
    Case("identical", is_good=True),
    Case("5 % wrong labels", wrong_labels=0.05),
    Case("2 % errors", failures=0.02),
    Case("latency times 1.3", latency_factor=1.3),
)


@dataclass(frozen=True)
class Run:
    """How one rollout ended."""

    decision: Decision
    percent: int
    """The step in which it ended; 0 is the baseline."""
    seconds: int
    met: int
    """How many requests the candidate answered to callers."""


def read_recording(path: Path = RECORDING) -> list[Pair]:
    """Stable's and the candidate's outcome of each item, in the order they were recorded."""
    recording = json.loads(gzip.decompress(path.read_bytes()))
    return [(_outcome(*stable), _outcome(*candidate)) for stable, candidate in recording["pairs"]]


def _outcome(latency_ms: float, failed: int, labels: str, score: float) -> ItemOutcome:
    return ItemOutcome(latency_ms, bool(failed), tuple(labels.split()), score)


@dataclass
class Traffic:
    """Requests at random moments, and what becomes of each."""

    case: Case
    pairs: Sequence[Pair]
    chance: random.Random
    per_second: float
    _place: int = field(init=False)
    _next_at: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._place = self.chance.randrange(len(self.pairs))

    def until(self, second: float, now: StepEvidence, mirror_share: float) -> None:
        """Let pass all requests up to a moment."""
        while self._next_at < second:
            self._next_at += self.chance.expovariate(self.per_second)
            stable, candidate = self.pairs[self._place]
            self._place = (self._place + 1) % len(self.pairs)
            if self.chance.random() * 100 < now.percent:
                _count(now, self._spoilt(candidate), by_candidate=True)
                continue
            _count(now, stable, by_candidate=False)
            if self.chance.random() < mirror_share:
                now.pairs.add(stable, self._spoilt(candidate))

    def _spoilt(self, good: ItemOutcome) -> ItemOutcome:
        """What a bad candidate makes of it."""
        if self.case.failures and self.chance.random() < self.case.failures:
            return _FAILED
        if self.case.wrong_labels and self.chance.random() < self.case.wrong_labels:
            first, second, *others = good.labels
            return replace(good, labels=(second, first, *others))
        if self.case.latency_factor != 1:
            return replace(good, latency_ms=good.latency_ms * self.case.latency_factor)
        return good


def _count(now: StepEvidence, outcome: ItemOutcome, *, by_candidate: bool) -> None:
    arm = now.candidate if by_candidate else now.stable
    if outcome.failed:
        arm.add_failure()
    else:
        arm.add(outcome.latency_ms, outcome.labels[:1])


def simulate(
    case: Case, pairs: Sequence[Pair], seed: int, terms: RolloutTerms, per_second: float
) -> Run:
    """Run one rollout from the baseline to its end, with a look at every second.

    Raises:
        TimeoutError: it had no end within two hours.
    """
    traffic = Traffic(case, pairs, random.Random(seed), per_second)  # noqa: S311 - no secret
    evidence, began = [StepEvidence(percent=0)], 0
    for second in range(1, _LONGEST_SECONDS):
        traffic.until(second, evidence[-1], terms.mirror_percent / 100)
        decision = decide(terms, evidence, second - began)
        if decision.action is Action.ADVANCE and decision.next_percent is not None:
            thresholds = latency_thresholds(evidence)
            evidence.append(StepEvidence(decision.next_percent, thresholds=thresholds))
            began = second
        elif decision.action is not Action.WAIT:
            met = sum(step.candidate.requests for step in evidence)
            return Run(decision, evidence[-1].percent, second, met)
    raise TimeoutError(f"{case.name}, seed {seed}: no end within {_LONGEST_SECONDS} s")
