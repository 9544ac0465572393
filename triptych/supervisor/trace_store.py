"""The last traces that Triton made, in memory, bounded in number and in bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from triptych.supervisor.otlp_spans import RawSpan, release_and_step

# A request makes eight spans; whoever uses one trace for everything keeps the first of them.
_MAX_SPANS_PER_TRACE: Final = 512
# A span was measured to take 540 with our names; names are cut where they are parsed.
_SPAN_BYTES: Final = 700
_COMPUTE: Final = "compute"


@dataclass(frozen=True, slots=True)
class Span:
    """One span as it is told: the split of a step's time in it, ns of Triton's wall clock."""

    name: str
    model: str | None
    release: str | None
    step: str | None
    span_id: str
    parent_id: str
    start_ns: int
    end_ns: int
    queue_start_ns: int | None
    response_ns: int | None
    compute_start_ns: int | None
    compute_end_ns: int | None

    def to_json(self) -> dict[str, object]:
        """Plain values for a JSON response."""
        return asdict(self)


class TraceStore:
    """Traces by id; the one that began first goes first. For one thread: that of the HTTP server.

    Args:
        max_traces: How many are kept.
        max_bytes: About how much memory they may take together.
    """

    def __init__(self, max_traces: int, max_bytes: int) -> None:
        self._max_traces = max_traces
        self._max_spans = max_bytes // _SPAN_BYTES
        self._traces: OrderedDict[str, list[RawSpan]] = OrderedDict()
        self._span_count = 0

    def add(self, spans: Iterable[RawSpan]) -> None:
        """Keep spans, and forget the oldest traces where there are too many now."""
        for span in spans:
            trace = self._traces.setdefault(span.trace_id, [])
            if len(trace) < _MAX_SPANS_PER_TRACE:
                trace.append(span)
                self._span_count += 1
            while len(self._traces) > self._max_traces or self._span_count > self._max_spans:
                _, forgotten = self._traces.popitem(last=False)
                self._span_count -= len(forgotten)

    def find(self, trace_id: str) -> list[Span] | None:
        """The spans of one trace that have come so far, by their start; None where none has."""
        raw = self._traces.get(trace_id)
        return None if raw is None else _normalised(raw)


def _normalised(raw: Sequence[RawSpan]) -> list[Span]:
    """Fold Triton's `compute` spans into the steps that they belong to."""
    compute = {span.parent_id: span for span in raw if span.model is None and span.name == _COMPUTE}
    found = [
        _span(span, compute.get(span.span_id))
        for span in raw
        if not (span.model is None and span.name == _COMPUTE)
    ]
    return sorted(found, key=lambda span: span.start_ns)


def _span(raw: RawSpan, compute: RawSpan | None) -> Span:
    release, step = release_and_step(raw.model) if raw.model else (None, None)
    return Span(
        name=raw.name,
        model=raw.model,
        release=release,
        step=step,
        span_id=raw.span_id,
        parent_id=raw.parent_id,
        start_ns=raw.start_ns,
        end_ns=raw.end_ns,
        queue_start_ns=raw.queue_start_ns,
        response_ns=raw.response_ns,
        compute_start_ns=compute.start_ns if compute else None,
        compute_end_ns=compute.end_ns if compute else None,
    )
