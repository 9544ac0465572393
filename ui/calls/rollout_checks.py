"""The checks of a rollout: how near each is to a rollback."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NotRequired, TypedDict


class CountBody(TypedDict):
    """So many of so many."""

    hits: int
    of: int


class CheckBody(TypedDict):
    """One check: of rates, with evidence, or of a limit."""

    metric: str
    verdict: str
    candidate: CountBody | float
    stable: CountBody | float | None
    evidence: NotRequired[float]
    needed: NotRequired[float]
    limit: NotRequired[float]
    of: NotRequired[int]


@dataclass(frozen=True)
class Count:
    """So many of so many."""

    hits: int
    of: int


@dataclass(frozen=True)
class RateCheck:
    """A comparison of rates: `evidence` for "worse", of which `needed` rolls back."""

    metric: str
    verdict: str
    candidate: Count
    stable: Count | None
    evidence: float
    needed: float

    @property
    def progress(self) -> float:
        """How far the evidence has come, 0 to 1, in orders of magnitude."""
        return min(math.log(max(self.evidence, 1.0)) / math.log(self.needed), 1.0)


@dataclass(frozen=True)
class LimitCheck:
    """A hard limit of what the candidate does in this step."""

    metric: str
    verdict: str
    candidate: float
    limit: float
    of: int

    @property
    def progress(self) -> float:
        """How near the limit is, 0 to 1."""
        return min(self.candidate / self.limit, 1.0) if self.limit > 0 else 0.0


Check = RateCheck | LimitCheck


def decode_check(body: CheckBody) -> Check:
    """Decode one of a rollout's checks."""
    metric, verdict = str(body["metric"]), str(body["verdict"])
    candidate, stable = body["candidate"], body["stable"]
    if isinstance(candidate, dict):
        evidence, needed = float(body["evidence"]), float(body["needed"])
        against = _count(stable) if isinstance(stable, dict) else None
        return RateCheck(metric, verdict, _count(candidate), against, evidence, needed)
    return LimitCheck(metric, verdict, float(candidate), float(body["limit"]), int(body["of"]))


def _count(body: CountBody) -> Count:
    return Count(int(body["hits"]), int(body["of"]))
