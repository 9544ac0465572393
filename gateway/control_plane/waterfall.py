"""One traced request as bars on one clock: the gateway's own intervals and Triton's spans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field

from gateway.control_plane.supervisor_observations import TritonSpan
from gateway.tracing import Interval, TracedRequest

_INFER_REQUEST: Final = "InferRequest"


class Bar(BaseModel):
    """One stretch of time."""

    name: Annotated[str, Field(examples=["preprocess compute"])]
    kind: Literal["gateway", "triton", "queue", "compute"]
    start_ms: Annotated[float, Field(examples=[1.93], description="After the request's arrival.")]
    duration_ms: Annotated[float, Field(examples=[2.04])]
    parent: Annotated[str | None, Field(description="The name of the bar that holds this one.")]


class Waterfall(BaseModel):
    """Where the time of one request went; bars stand in the order in which they began."""

    request_id: str
    trace_id: str
    alias: str
    release: str
    status: int
    outcome: str
    total_ms: float
    triton: Annotated[
        Literal["complete", "partial", "none"],
        Field(description="Whether Triton's spans came: `none` also where Triton was not asked."),
    ]
    clock_shift_ms: Annotated[
        float,
        Field(
            description="Not 0 where Triton's clock is another: its bars were then moved so far, "
            "into the middle of the gateway's bar `triton`."
        ),
    ]
    bars: list[Bar]


def is_whole(request: TracedRequest, spans: Sequence[TritonSpan]) -> bool:
    """Whether all of Triton's spans came: of each call, the outermost one comes last."""
    return len(_ensembles(request, spans)) >= request.triton_calls


def join(request: TracedRequest, spans: Sequence[TritonSpan]) -> Waterfall:
    """Put both halves on the gateway's clock."""
    ensembles = _ensembles(request, spans)
    outer = next((part for part in request.parts if part.name == "triton"), None)
    shift_ns = _clock_shift_ns(outer, ensembles) if outer and ensembles else 0
    own = [_bar(part, "gateway", "request", request) for part in request.parts]
    whole = _bar(request.whole, "gateway", None, request)
    of_triton = [
        bar
        for number, ensemble in enumerate(ensembles, start=1)
        for bar in _triton_bars(request, ensemble, spans, number, shift_ns)
    ]
    return Waterfall(
        request_id=request.request_id,
        trace_id=request.trace_id,
        alias=request.alias,
        release=request.release,
        status=request.status,
        outcome=request.outcome,
        total_ms=whole.duration_ms,
        triton=_completeness(len(ensembles), request.triton_calls),
        clock_shift_ms=round(shift_ns / 1e6, 3),
        bars=[whole, *sorted([*own, *of_triton], key=lambda bar: bar.start_ms)],
    )


def _completeness(found: int, asked: int) -> Literal["complete", "partial", "none"]:
    if not found:
        return "none"
    return "complete" if found >= asked else "partial"


def _ensembles(request: TracedRequest, spans: Sequence[TritonSpan]) -> list[TritonSpan]:
    """Each call's ensemble, whose end, unlike that of the call, comes before its answer is sent.

    A caller may use one trace for several requests: only what hangs below our own span is ours.
    """
    ours = {part.span_id for part in request.parts if part.name == "triton"}
    calls = {
        span.span_id for span in spans if span.name == _INFER_REQUEST and span.parent_id in ours
    }
    found = [span for span in spans if span.parent_id in calls]
    return sorted(found, key=lambda span: span.start_ns)


def _clock_shift_ns(outer: Interval, ensembles: Sequence[TritonSpan]) -> int:
    """How far Triton's spans must move to lie inside the gateway's; 0 on one clock."""
    start_ns = min(span.start_ns for span in ensembles)
    end_ns = max(span.end_ns for span in ensembles)
    if outer.start_ns <= start_ns and end_ns <= outer.end_ns:
        return 0
    return (outer.start_ns + outer.end_ns - start_ns - end_ns) // 2


def _triton_bars(
    request: TracedRequest,
    ensemble: TritonSpan,
    spans: Sequence[TritonSpan],
    number: int,
    shift_ns: int,
) -> Iterator[Bar]:
    suffix = f" {number}" if request.triton_calls > 1 else ""
    name = f"ensemble{suffix}"

    def interval(text: str, start_ns: int, end_ns: int) -> Interval:
        return Interval(text, "", start_ns + shift_ns, end_ns + shift_ns)

    outer = interval(name, ensemble.start_ns, ensemble.end_ns)
    yield _bar(outer, "triton", "triton", request)
    for span in spans:
        if span.parent_id != ensemble.span_id or not span.step:
            continue
        queue, compute = span.queue_start_ns, span.compute_start_ns
        if queue is not None and compute is not None:
            part = interval(f"{span.step} queue{suffix}", queue, compute)
            yield _bar(part, "queue", name, request)
        if compute is not None and span.compute_end_ns is not None:
            part = interval(f"{span.step} compute{suffix}", compute, span.compute_end_ns)
            yield _bar(part, "compute", name, request)


def _bar(
    interval: Interval,
    kind: Literal["gateway", "triton", "queue", "compute"],
    parent: str | None,
    request: TracedRequest,
) -> Bar:
    start_ns = interval.start_ns - request.whole.start_ns
    return Bar(
        name=interval.name,
        kind=kind,
        start_ms=round(start_ns / 1e6, 3),
        duration_ms=round((interval.end_ns - interval.start_ns) / 1e6, 3),
        parent=parent,
    )
