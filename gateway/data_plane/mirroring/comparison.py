"""What two releases made of the items of one request, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.control_plane.experiments.totals_store import Counted
from gateway.data_plane.mirroring.disagreements import Disagreement, Disagreements
from gateway.rollouts.totals import ItemOutcome, PairTotals
from python_backends.shared.contract import ItemAnswer

MOST_LABELS: Final = 5
"""As many as a caller gets who does not say how many; "top-k" is that k."""


@dataclass(frozen=True)
class Verdict:
    """What one release made of a request."""

    release: str
    answers: Sequence[ItemAnswer] | None
    """One per item; None where it failed."""
    latency_ms: float = 0.0
    """Waited for Triton."""


@dataclass(frozen=True)
class Pair:
    """One request that both were asked."""

    counted: Counted
    request_id: str
    items: Sequence[bytes]
    serving: Verdict
    shadow: Verdict
    labels: int
    """How many both can give."""

    def add_to(self, totals: PairTotals, disagreements: Disagreements) -> int:
        """Count every item, and keep those of which the two think differently.

        Returns:
            How many those are.
        """
        different = 0
        for place, (serving, shadow) in enumerate(
            zip(self._outcomes(self.serving), self._outcomes(self.shadow), strict=True)
        ):
            totals.add(serving, shadow)
            if not _differ(serving, shadow):
                continue
            different += 1
            if disagreements.has_room:
                item = disagreements.bytes_to_keep(self.items[place])
                disagreements.add(self._disagreement(place, item))
        return different

    def _outcomes(self, verdict: Verdict) -> Sequence[ItemOutcome]:
        if verdict.answers is None:
            return [ItemOutcome(failed=True)] * len(self.items)
        return [
            ItemOutcome(
                verdict.latency_ms,
                labels=answer.labels[: self.labels],
                score=answer.scores[0] if answer.scores else 0.0,
            )
            for answer in verdict.answers
        ]

    def _disagreement(self, place: int, item: bytes | None) -> Disagreement:
        return Disagreement(
            self.counted.alias,
            self.counted.revision,
            self.request_id,
            self._told(self.serving, place),
            self._told(self.shadow, place),
            item,
        )

    def _told(self, verdict: Verdict, place: int) -> dict[str, Any]:
        if verdict.answers is None:
            return {"release": verdict.release, "outcome": "failed", "labels": [], "scores": []}
        answer = verdict.answers[place]
        return {
            "release": verdict.release,
            "outcome": answer.status.name.lower(),
            "labels": answer.labels[: self.labels],
            "scores": answer.scores[: self.labels],
        }


def _differ(serving: ItemOutcome, shadow: ItemOutcome) -> bool:
    return serving.answered != shadow.answered or serving.labels[:1] != shadow.labels[:1]
