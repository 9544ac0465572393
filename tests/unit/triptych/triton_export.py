"""An export as the real Triton 2.51 makes it, cut to one step."""

from __future__ import annotations

from typing import Any


def a_span(name: str, span_id: str, parent_id: str, **more: Any) -> dict[str, Any]:
    return {
        "traceId": "1".zfill(32),
        "spanId": span_id.zfill(16),
        "parentSpanId": parent_id.zfill(16),
        "name": name,
        "kind": 1,
        "startTimeUnixNano": "1795360595414822881",
        "endTimeUnixNano": "1795360595426108643",
        **more,
    }


def of_model(name: str) -> dict[str, Any]:
    """What the span of a model has besides."""
    return {
        "attributes": [
            {"key": "triton.model_name", "value": {"stringValue": name}},
            {"key": "triton.model_version", "value": {"intValue": "1"}},
            {"key": "triton.request_id", "value": {"stringValue": "abc"}},
        ],
        "events": [
            {"name": "REQUEST_START", "timeUnixNano": "1795360595414822881"},
            {"name": "QUEUE_START", "timeUnixNano": "1795360595414833566"},
            {"name": "REQUEST_END", "timeUnixNano": "1795360595426108643"},
        ],
    }


def an_export(*spans: dict[str, Any]) -> dict[str, Any]:
    scope = {"scope": {"name": "triton-server"}, "spans": list(spans or _SPANS)}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "triton"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}


_SPANS = (
    a_span(
        "compute",
        "c",
        "b",
        startTimeUnixNano="1795360595415037549",
        endTimeUnixNano="1795360595426090557",
        events=[{"name": "COMPUTE_START", "timeUnixNano": "1795360595415037549"}],
    ),
    a_span("digits_r1_preprocess", "b", "a", **of_model("digits_r1_preprocess")),
    a_span("digits_r1", "a", "9", **of_model("digits_r1")),
    a_span("InferRequest", "9", "aa"),
)
