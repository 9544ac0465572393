"""What is counted of requests and of mirrored pairs; adds up over gateways and steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from gateway.rollouts.latency_sketch import LatencySketch

MOST_LABELS: Final = 200
OTHER_LABELS: Final = ""
"""Counts the labels beyond the first 200."""
SCORE_BINS: Final = 20
"""Of 0.05 each, from 0 to 1."""


@dataclass
class ArmTotals:
    """What one release answered to callers."""

    requests: int = 0
    """Neither those that were turned away for overload nor those that were the caller's errors."""
    failures: int = 0
    """Inference failures (5xx)."""
    items: int = 0
    """Images or texts that were answered."""
    latency: LatencySketch = field(default_factory=LatencySketch)
    """Time waited for Triton in ms, of requests that did not fail."""
    labels: dict[str, int] = field(default_factory=dict)
    """How often each was the top label."""

    def add(self, latency_ms: float, top_labels: Sequence[str]) -> None:
        """Count an answered request: the top label of each of its items."""
        self.requests += 1
        self.items += len(top_labels)
        self.latency.add(latency_ms)
        for label in top_labels:
            _count_label(self.labels, label, 1)

    def add_failure(self) -> None:
        """Count a request that failed."""
        self.requests += 1
        self.failures += 1

    def __add__(self, other: ArmTotals) -> ArmTotals:
        labels = dict(self.labels)
        for label, count in other.labels.items():
            _count_label(labels, label, count)
        return ArmTotals(
            self.requests + other.requests,
            self.failures + other.failures,
            self.items + other.items,
            self.latency + other.latency,
            labels,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "requests": self.requests,
            "failures": self.failures,
            "items": self.items,
            "latency": self.latency.to_json(),
            "labels": self.labels,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            KeyError: something is missing.
            ValueError: something is no number.
        """
        return cls(
            int(body["requests"]),
            int(body["failures"]),
            int(body["items"]),
            LatencySketch.from_json(body["latency"]),
            {str(label): int(count) for label, count in body["labels"].items()},
        )


def _count_label(labels: dict[str, int], label: str, count: int) -> None:
    """Add a count, and keep to 200 labels."""
    has_room = label in labels or len(labels) - (OTHER_LABELS in labels) < MOST_LABELS
    name = label if has_room else OTHER_LABELS
    labels[name] = labels.get(name, 0) + count


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """What one release made of one item."""

    latency_ms: float = 0.0
    """Time waited for Triton; without meaning where it failed."""
    failed: bool = False
    """An inference failure (5xx)."""
    labels: tuple[str, ...] = ()
    """Highest score first; none where the item was refused or failed."""
    score: float = 0.0
    """Of the top label, 0 to 1."""

    @property
    def answered(self) -> bool:
        """Whether it got labels."""
        return not self.failed and bool(self.labels)


@dataclass
class PairTotals:
    """What became of items that both the serving arm and the candidate were asked."""

    pairs: int = 0
    top1_agreed: int = 0
    """Both gave the same top label, or both refused the item. Who fails agrees with nobody."""
    top_k_agreed: int = 0
    """The same, for all labels in their order."""
    outcome_differed: int = 0
    """One answered, the other refused or failed."""
    candidate_failures: int = 0
    serving_failures: int = 0
    dropped: int = 0
    """Copies that were not sent or not waited for; they are in no other number."""
    score_differences: list[int] = field(default_factory=lambda: [0] * SCORE_BINS)
    """|score of the one's top label - score of the other's|, where both answered."""
    serving_latency: LatencySketch = field(default_factory=LatencySketch)
    """In ms, of pairs that neither failed."""
    candidate_latency: LatencySketch = field(default_factory=LatencySketch)
    """In ms, of the same pairs."""

    def add(self, serving: ItemOutcome, candidate: ItemOutcome) -> None:
        """Count one item that both were asked."""
        self.pairs += 1
        self.serving_failures += serving.failed
        self.candidate_failures += candidate.failed
        self.outcome_differed += serving.answered != candidate.answered
        if serving.failed or candidate.failed:
            return
        self.top1_agreed += serving.labels[:1] == candidate.labels[:1]
        self.top_k_agreed += serving.labels == candidate.labels
        self.serving_latency.add(serving.latency_ms)
        self.candidate_latency.add(candidate.latency_ms)
        if serving.answered and candidate.answered:
            difference = abs(serving.score - candidate.score)
            self.score_differences[min(int(difference * SCORE_BINS), SCORE_BINS - 1)] += 1

    def add_dropped(self) -> None:
        """Count a copy that was not sent or not waited for."""
        self.dropped += 1

    def __add__(self, other: PairTotals) -> PairTotals:
        bins = zip(self.score_differences, other.score_differences, strict=True)
        return PairTotals(
            **{name: getattr(self, name) + getattr(other, name) for name in _PAIR_COUNTS},
            score_differences=[one + another for one, another in bins],
            serving_latency=self.serving_latency + other.serving_latency,
            candidate_latency=self.candidate_latency + other.candidate_latency,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            **{name: getattr(self, name) for name in _PAIR_COUNTS},
            "score_differences": self.score_differences,
            "serving_latency": self.serving_latency.to_json(),
            "candidate_latency": self.candidate_latency.to_json(),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            KeyError: something is missing.
            ValueError: something is no number, or there are not 20 bins.
        """
        bins = [int(count) for count in body["score_differences"]]
        if len(bins) != SCORE_BINS:
            raise ValueError(f"score_differences has {len(bins)} bins, not {SCORE_BINS}")
        return cls(
            **{name: int(body[name]) for name in _PAIR_COUNTS},
            score_differences=bins,
            serving_latency=LatencySketch.from_json(body["serving_latency"]),
            candidate_latency=LatencySketch.from_json(body["candidate_latency"]),
        )


_PAIR_COUNTS: Final = (
    "pairs",
    "top1_agreed",
    "top_k_agreed",
    "outcome_differed",
    "candidate_failures",
    "serving_failures",
    "dropped",
)
