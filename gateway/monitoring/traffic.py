"""Counts of one interval: requests, outcomes, times in the line and altogether."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from gateway.request_context import RequestRecord
from gateway.rollouts.latency_sketch import LatencySketch

# Templates of the routes that ask a model; everything else is no traffic.
_PREDICT: Final = "/v1/predict/{alias}"
_INFER: Final = "/infer"


@dataclass(slots=True)
class _Tally:
    """Requests of one kind."""

    queue_ms: float = 0.0
    latency: LatencySketch = field(default_factory=LatencySketch)


class TrafficCounts:
    """Counts the requests to models by alias, release and outcome.

    All three are bounded: names that exist, and six outcomes.
    """

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str, str], _Tally] = {}

    def note(self, route: str, known: RequestRecord, outcome: str) -> None:
        """Count one request that has been answered; `route` is a path template."""
        if route != _PREDICT and not route.endswith(_INFER):
            return
        kind = (known.alias, known.release, outcome)
        tally = self._tallies.get(kind)
        if tally is None:
            tally = self._tallies[kind] = _Tally()
        tally.queue_ms += known.queue_ms
        tally.latency.add(known.total_ms())

    def take(self) -> list[dict[str, object]]:
        """What was counted since the last time, as told by `TrafficRow`; counting begins anew."""
        taken, self._tallies = self._tallies, {}
        return [
            {
                "alias": alias,
                "release": release,
                "outcome": outcome,
                "requests": tally.latency.total,
                "queue_ms": round(tally.queue_ms, 3),
                "latency": tally.latency.to_json(),
            }
            for (alias, release, outcome), tally in taken.items()
        ]
