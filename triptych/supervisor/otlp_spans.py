"""Triton's spans as they come: OTLP/HTTP JSON, as far as Triton 2.51 fills it.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding: ids in hex, long numbers as text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from python_backends.shared.contract import STEP_NAMES
from triptych.errors import SpansMalformed
from triptych.routing import ReleaseName

# Where exporters of OTLP/HTTP send spans to, by convention.
TRACES_PATH: Final = "/v1/traces"

_TRACE_ID: Final = re.compile(r"[0-9a-f]{32}")
_SPAN_ID: Final = re.compile(r"[0-9a-f]{16}")
_MAX_NAME: Final = 200
_MODEL_NAME: Final = "triton.model_name"
_QUEUE_START: Final = "QUEUE_START"
_RESPONSE: Final = "INFER_RESPONSE_COMPLETE"


@dataclass(frozen=True, slots=True)
class RawSpan:
    """One span as Triton sends it: the split of a step's time lies in a child named `compute`."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    model: str | None
    start_ns: int
    end_ns: int
    queue_start_ns: int | None
    response_ns: int | None
    """When the answer of the whole call was complete; spans end a little after it."""


def parse_spans(body: bytes) -> list[RawSpan]:
    """Read one export.

    Raises:
        SpansMalformed: it is no such export; nothing of it is kept.
    """
    try:
        return list(_spans(json.loads(body)))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise SpansMalformed("The body is no OTLP/HTTP JSON of spans.") from exc


# What json.loads gives carries no types; whatever is not as expected raises.
def _spans(export: Any) -> Iterator[RawSpan]:  # noqa: ANN401 - JSON of a stranger
    for resource in export["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                yield _span(span)


def _span(span: Any) -> RawSpan:  # noqa: ANN401 - JSON of a stranger
    parent_id = span.get("parentSpanId", "")
    attributes = {it["key"]: it["value"] for it in span.get("attributes", [])}
    events = {it["name"]: it["timeUnixNano"] for it in span.get("events", [])}
    model = attributes.get(_MODEL_NAME, {}).get("stringValue")
    return RawSpan(
        trace_id=_matching(_TRACE_ID, span["traceId"]),
        span_id=_matching(_SPAN_ID, span["spanId"]),
        parent_id=_matching(_SPAN_ID, parent_id) if parent_id else "",
        name=str(span["name"])[:_MAX_NAME],
        model=None if model is None else str(model)[:_MAX_NAME],
        start_ns=_nanoseconds(span["startTimeUnixNano"]),
        end_ns=_nanoseconds(span["endTimeUnixNano"]),
        queue_start_ns=_event(events, _QUEUE_START),
        response_ns=_event(events, _RESPONSE),
    )


def _matching(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(text)
    return text


def _event(events: dict[str, str], name: str) -> int | None:
    return _nanoseconds(events[name]) if name in events else None


def _nanoseconds(text: str) -> int:
    value = int(text)
    if not 0 <= value < 1 << 63:
        raise ValueError(text)
    return value


def release_and_step(model: str) -> tuple[str | None, str | None]:
    """`digits_r3_model` is the step `model` of `digits_r3`; an ensemble is its step ""."""
    for step in STEP_NAMES:
        name = ReleaseName.parse(model.removesuffix(f"_{step}") if step else model)
        if name and name.step(step) == model:
            return str(name), step
    return None, None
