"""From Triton's export to the traces that the supervisor tells."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.triptych.triton_export import a_span, an_export, of_model
from triptych.errors import SpansMalformed
from triptych.supervisor.otlp_spans import parse_spans, release_and_step
from triptych.supervisor.trace_store import TraceStore

TRACE = "1".zfill(32)


def parsed(export: Any) -> Any:
    return parse_spans(json.dumps(export).encode())


def of_trace(number: int, *, spans: int = 1) -> Any:
    return parsed(
        an_export(
            *(
                a_span("InferRequest", f"{it + 1}", "", traceId=f"{number:032x}")
                for it in range(spans)
            )
        )
    )


def test_a_step_is_told_with_its_release_and_the_split_of_its_time() -> None:
    store = TraceStore(max_traces=10, max_bytes=1 << 20)
    store.add(parsed(an_export()))
    spans = {span.name: span for span in store.find(TRACE) or []}

    assert set(spans) == {"InferRequest", "digits_r1", "digits_r1_preprocess"}
    step = spans["digits_r1_preprocess"]
    assert (step.release, step.step, step.model) == (
        "digits_r1",
        "preprocess",
        "digits_r1_preprocess",
    )
    assert step.queue_start_ns == 1795360595414833566
    assert (step.compute_start_ns, step.compute_end_ns) == (
        1795360595415037549,
        1795360595426090557,
    )
    assert spans["digits_r1"].step == ""
    assert step.parent_id == spans["digits_r1"].span_id
    assert spans["InferRequest"].release is None


def test_the_halves_of_a_trace_may_come_in_two_exports() -> None:
    store = TraceStore(max_traces=10, max_bytes=1 << 20)
    whole = an_export()["resourceSpans"][0]["scopeSpans"][0]["spans"]
    store.add(parsed(an_export(*whole[:1])))
    assert store.find(TRACE) == []
    store.add(parsed(an_export(*whole[1:])))
    steps = [span for span in store.find(TRACE) or [] if span.step]
    assert [span.compute_end_ns is not None for span in steps] == [True]


def test_a_name_that_no_release_has_is_told_without_one() -> None:
    assert release_and_step("digits_r3_model") == ("digits_r3", "model")
    assert release_and_step("digits_r3") == ("digits_r3", "")
    assert release_and_step("resnet") == (None, None)
    assert release_and_step("digits_r3_other") == (None, None)


def test_the_oldest_trace_goes_when_there_are_too_many() -> None:
    store = TraceStore(max_traces=3, max_bytes=1 << 20)
    for number in range(1, 6):
        store.add(of_trace(number))
    assert [store.find(f"{number:032x}") is not None for number in range(1, 6)] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_traces_are_bounded_in_bytes_and_one_trace_in_spans() -> None:
    store = TraceStore(max_traces=10_000, max_bytes=700_000)
    for number in range(1, 11):
        store.add(of_trace(number, spans=200))
    assert sum(store.find(f"{number:032x}") is not None for number in range(1, 11)) == 5
    assert store.find(f"{10:032x}") is not None
    store.add(of_trace(11, spans=900))
    assert len(store.find(f"{11:032x}") or []) == 512


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x0a\x00",
        b"[]",
        b"{}",
        b'{"resourceSpans": 7}',
        b'{"resourceSpans": [7]}',
        b"[" * 100_000,
        b"\xff\xfe",
        *(
            json.dumps(an_export(a_span("x", "1", "2", **wrong))).encode()
            for wrong in (
                {"traceId": "1"},
                {"traceId": 1},
                {"traceId": "Z" * 32},
                {"spanId": None},
                {"parentSpanId": "x" * 16},
                {"startTimeUnixNano": "soon"},
                {"startTimeUnixNano": "-1"},
                {"endTimeUnixNano": "9" * 30},
                {"endTimeUnixNano": "9" * 5000},
                {"attributes": 7},
                {"attributes": [{"key": ["a"], "value": {}}]},
                {"attributes": [{"key": "triton.model_name", "value": 7}]},
                {"events": [{"name": "QUEUE_START"}]},
            )
        ),
    ],
)
def test_what_is_no_export_is_refused(body: bytes) -> None:
    with pytest.raises(SpansMalformed):
        parse_spans(body)


def test_a_long_name_is_cut() -> None:
    (span,) = parsed(an_export(a_span("n" * 5000, "1", "2", **of_model("m" * 5000))))
    assert (len(span.name), len(span.model)) == (200, 200)
