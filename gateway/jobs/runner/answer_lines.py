"""The answers of a chunk as they are recorded: a line of JSON for each item, compressed."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence

from gateway.data_plane.item_outcomes import Answered
from gateway.errors import GatewayError
from gateway.jobs.chunk_store import ChunkAnswers

_FASTEST = 1


def recorded(
    first: int, names: Sequence[str], outcomes: Sequence[Answered | GatewayError], release: str
) -> ChunkAnswers:
    """Write what became of the items of a chunk.

    Args:
        first: Index of the first one in the job.
        names: What their owner calls them.
        outcomes: One for each.
        release: Who answered.
    """
    lines = [
        json.dumps(
            # In ASCII: names may hold what other readers take for the end of a line.
            {"index": first + place, "name": name, "release": release, **_told(outcome)},
            separators=(",", ":"),
        )
        for place, (name, outcome) in enumerate(zip(names, outcomes, strict=True))
    ]
    text = "".join(f"{line}\n" for line in lines)
    refused = sum(isinstance(it, GatewayError) for it in outcomes)
    return ChunkAnswers(zlib.compress(text.encode(), _FASTEST), len(outcomes), refused)


def _told(outcome: Answered | GatewayError) -> dict[str, object]:
    if isinstance(outcome, GatewayError):
        return {"error": {"code": outcome.code, "message": str(outcome)}}
    pairs = zip(outcome.labels, outcome.scores, strict=True)
    told: dict[str, object] = {
        "predictions": [{"label": label, "score": score} for label, score in pairs]
    }
    if outcome.is_truncated:
        told["truncated"] = True
    return told
