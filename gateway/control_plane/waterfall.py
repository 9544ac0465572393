"""One traced request as bars on one clock: the gateway's own intervals and Triton's spans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field

from gateway.control_plane.supervisor_observations import TritonSpan
from gateway.tracing import Interval, TracedRequest

_INFER_REQUEST: Final = "InferRequest"
_Kind = Literal["gateway", "triton", "queue", "compute"]


class Bar(BaseModel):
    """One stretch of time."""

    name: Annotated[str, Field(examples=["preprocess compute"])]
    kind: _Kind
    start_ms: Annotated[float, Field(examples=[1.93], description="After the request's arrival.")]
    duration_ms: Annotated[float, Field(examples=[2.04])]
    parent: Annotated[
        str | None,
        Field(description="Name of the bar that holds this one; `request` has none."),
    ] = None


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


@dataclass(frozen=True)
class _Call:
    """One request as Triton saw it: its ensemble, until the answer was complete.

    Triton notes the ends of spans, the last step's too, only after it has let the answer go.
    """

    ensemble_id: str
    start_ns: int
    end_ns: int


def is_whole(request: TracedRequest, spans: Sequence[TritonSpan]) -> bool:
    """Whether all of Triton's spans came: of each call, the outermost one comes last."""
    return len(_calls(request, spans)) >= request.triton_calls


def join(request: TracedRequest, spans: Sequence[TritonSpan]) -> Waterfall:
    """Put both halves on the gateway's clock."""
    calls = _calls(request, spans)
    outer = next((part for part in request.parts if part.name == "triton"), None)
    shift_ns = _clock_shift_ns(outer, calls) if outer and calls else 0
    whole = _bar(request, request.whole, "gateway", None)
    bars = [_bar(request, part, "gateway", "request") for part in request.parts]
    for number, call in enumerate(calls, start=1):
        suffix = f" {number}" if request.triton_calls > 1 else ""
        for interval, kind, parent in _triton_intervals(call, spans, suffix):
            start_ns, end_ns = interval.start_ns + shift_ns, interval.end_ns + shift_ns
            moved = replace(interval, start_ns=start_ns, end_ns=end_ns)
            bars.append(_bar(request, moved, kind, parent))
    return Waterfall(
        request_id=request.request_id,
        trace_id=request.trace_id,
        alias=request.alias,
        release=request.release,
        status=request.status,
        outcome=request.outcome,
        total_ms=whole.duration_ms,
        triton=_completeness(len(calls), request.triton_calls),
        clock_shift_ms=round(shift_ns / 1e6, 3),
        bars=[whole, *sorted(bars, key=lambda bar: bar.start_ms)],
    )


def _completeness(found: int, asked: int) -> Literal["complete", "partial", "none"]:
    if not found:
        return "none"
    return "complete" if found >= asked else "partial"


def _calls(request: TracedRequest, spans: Sequence[TritonSpan]) -> list[_Call]:
    """Each call to Triton, in order.

    A caller may use one trace for several requests: only what hangs below our own span is ours.
    """
    ours = {part.span_id for part in request.parts if part.name == "triton"}
    outer = {it.span_id: it for it in spans if it.name == _INFER_REQUEST and it.parent_id in ours}
    calls = [
        _Call(it.span_id, it.start_ns, min(it.end_ns, outer[it.parent_id].response_ns or it.end_ns))
        for it in spans
        if it.parent_id in outer
    ]
    return sorted(calls, key=lambda call: call.start_ns)


def _clock_shift_ns(outer: Interval, calls: Sequence[_Call]) -> int:
    """How far Triton's spans must move to lie inside the gateway's; 0 on one clock."""
    start_ns = min(call.start_ns for call in calls)
    end_ns = max(call.end_ns for call in calls)
    if outer.start_ns <= start_ns and end_ns <= outer.end_ns:
        return 0
    return (outer.start_ns + outer.end_ns - start_ns - end_ns) // 2


def _triton_intervals(
    call: _Call, spans: Sequence[TritonSpan], suffix: str
) -> Iterator[tuple[Interval, _Kind, str]]:
    name = f"ensemble{suffix}"
    yield Interval(name, "", call.start_ns, call.end_ns), "triton", "triton"
    for span in spans:
        if span.parent_id != call.ensemble_id or span.compute_start_ns is None:
            continue
        if span.queue_start_ns is not None:
            queue = f"{span.step} queue{suffix}"
            yield Interval(queue, "", span.queue_start_ns, span.compute_start_ns), "queue", name
        if span.compute_end_ns is not None:
            compute, end_ns = f"{span.step} compute{suffix}", min(span.compute_end_ns, call.end_ns)
            yield Interval(compute, "", span.compute_start_ns, end_ns), "compute", name


def _bar(request: TracedRequest, interval: Interval, kind: _Kind, parent: str | None) -> Bar:
    return Bar(
        name=interval.name,
        kind=kind,
        start_ms=round((interval.start_ns - request.whole.start_ns) / 1e6, 3),
        duration_ms=round((interval.end_ns - interval.start_ns) / 1e6, 3),
        parent=parent,
    )
