"""The JSON of an answer; `gateway/schemas.py` describes the same for OpenAPI."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from gateway.data_plane.item_outcomes import Answered, Outcome
from gateway.data_plane.predict_bodies import Items
from gateway.data_plane.routing.target import Target
from gateway.errors import InvalidRequest
from gateway.request_context import RequestRecord, request_id

_SHOWN_DIGITS: Final = 12
JsonObject = dict[str, object]


def to_json(
    known: RequestRecord, target: Target, items: Items, outcomes: Sequence[Outcome]
) -> bytes:
    """Write the answer to one item, or to several.

    Args:
        known: What became of the request.
        target: Who answered.
        items: What was asked about.
        outcomes: One for each item.

    Raises:
        InvalidRequest: one item came by itself, and was refused.
    """
    body: JsonObject = {
        "request_id": request_id.get(),
        "alias": known.alias,
        "release": known.release,
        "route": {"arm": known.arm, "revision": known.revision},
        "provenance": _provenance(known, target),
    }
    if items.is_batch:
        pairs = zip(items.filenames, outcomes, strict=True)
        body["results"] = [_entry(filename, outcome) for filename, outcome in pairs]
    else:
        (outcome,) = outcomes
        if isinstance(outcome, InvalidRequest):
            raise outcome
        body |= _answer(outcome)
    body["timing"] = {
        "total_ms": round(known.total_ms(), 2),
        "triton_ms": round(known.triton_ms, 2),
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _provenance(known: RequestRecord, target: Target) -> JsonObject:
    told: JsonObject = {
        "model_sha256": target.model_sha256[:_SHOWN_DIGITS],
        "device": target.device,
    }
    if target.semver:
        told["semver"] = target.semver
    if known.cache:
        told["cache"] = "hit" if known.cache.endswith("hit") else "miss"
    return told


def _entry(filename: str | None, outcome: Outcome) -> JsonObject:
    named: JsonObject = {} if filename is None else {"filename": filename}
    if isinstance(outcome, InvalidRequest):
        return named | {"error": {"code": outcome.code, "message": str(outcome)}}
    return named | _answer(outcome)


def _answer(answered: Answered) -> JsonObject:
    pairs = zip(answered.labels, answered.scores, strict=True)
    answer: JsonObject = {"predictions": [{"label": it, "score": score} for it, score in pairs]}
    if answered.is_truncated:
        answer["truncated"] = True
    return answer
