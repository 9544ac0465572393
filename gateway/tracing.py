"""Which requests are traced, and what is kept of those; an unsampled one costs a coin toss."""

from __future__ import annotations

import random
import re
import secrets
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Final, Protocol

from gateway.request_context import RequestRecord, TraceContext

# https://www.w3.org/TR/trace-context/#traceparent-header: lower case; version ff and ids of nothing
# but zeros are invalid, and a later version may go on after one more dash.
_TRACEPARENT: Final = re.compile(
    rb"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})"
    rb"-(?P<span>(?!0{16})[0-9a-f]{16})-[0-9a-f]{2}(?P<more>-.{0,200})?"
)


@dataclass(frozen=True, slots=True)
class Interval:
    """One thing that the gateway did or waited for, in ns of the wall clock."""

    name: str
    span_id: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class TracedRequest:
    """One sampled request as the gateway saw it."""

    request_id: str
    trace_id: str
    caller_span_id: str
    key_id: str
    tenant: str
    alias: str
    release: str
    method: str
    route: str
    status: int
    outcome: str
    body_bytes: int
    triton_calls: int
    whole: Interval
    parts: tuple[Interval, ...]
    """In the order in which they began."""


class SpanSink(Protocol):
    """Where spans go beside our own memory."""

    def take(self, request: TracedRequest) -> None:
        """Take one request's spans, at once and without failing."""


class Tracing:
    """Decides, and keeps the last sampled requests.

    Args:
        sample_ratio: The share of requests that are traced without being asked for, 0 to 1.
        traces_kept: How many are kept; the oldest goes first.
    """

    def __init__(self, *, sample_ratio: float, traces_kept: int) -> None:
        self.sample_ratio = sample_ratio
        self._traces_kept = traces_kept
        self._recent: OrderedDict[str, TracedRequest] = OrderedDict()
        self.sink: SpanSink | None = None

    def toss(self, known: RequestRecord) -> None:
        """Sample our share of the requests, whatever the caller's own flag says."""
        if random.random() < self.sample_ratio:  # noqa: S311 - no secret hangs on it
            sample(known)

    def keep(self, request: TracedRequest) -> None:
        """Remember one request that was sampled, and send its spans on."""
        self._recent[request.request_id] = request
        if len(self._recent) > self._traces_kept:
            self._recent.popitem(last=False)
        if self.sink:
            self.sink.take(request)

    def find(self, request_id: str) -> TracedRequest | None:
        """A request that was sampled not too long ago by this gateway."""
        return self._recent.get(request_id)


def follow(known: RequestRecord, traceparent: bytes) -> None:
    """Go on with the caller's trace; what is no valid traceparent is as good as none."""
    match = _TRACEPARENT.fullmatch(traceparent)
    if match is None or (match["version"] == b"00" and match["more"] is not None):
        return
    known.trace_id, known.caller_span_id = match["trace"].decode(), match["span"].decode()


def sample(known: RequestRecord) -> None:
    """Trace this request, in the caller's trace or in one of its own."""
    known.trace_id = known.trace_id or secrets.token_hex(16)
    known.trace = TraceContext(
        known.trace_id, secrets.token_hex(8), secrets.token_hex(8), known.caller_span_id
    )


def traced_request(
    known: RequestRecord, trace: TraceContext, **identity: str | int
) -> TracedRequest:
    """What is worth keeping of a sampled request that has been answered just now.

    Args:
        known: Its record.
        trace: Its place in its trace.
        identity: `request_id`, `method`, `route`, `status` and `outcome`.
    """
    end_ns = known.arrived_ns + perf_counter_ns() - known.started_ns
    return TracedRequest(
        trace_id=trace.trace_id,
        caller_span_id=trace.caller_span_id,
        key_id=known.key_id,
        tenant=known.tenant,
        alias=known.alias,
        release=known.release,
        body_bytes=known.body_bytes,
        triton_calls=known.triton_calls,
        whole=Interval("request", trace.span_id, known.arrived_ns, end_ns),
        parts=tuple(sorted(_parts(known, trace), key=lambda part: part.start_ns)),
        **identity,  # type: ignore[arg-type]  # the caller names exactly the fields that are left
    )


def _parts(known: RequestRecord, trace: TraceContext) -> Iterator[Interval]:
    to_wall_ns = known.arrived_ns - known.started_ns
    for name, began_ns, duration_ms in (
        ("auth", known.started_ns if known.auth_ms else 0, known.auth_ms),
        ("queue", known.queue_started_ns, known.queue_ms),
        ("body", known.body_started_ns, known.body_ms),
        ("triton", known.triton_started_ns, known.triton_ms),
    ):
        if began_ns:
            span_id = trace.triton_span_id if name == "triton" else secrets.token_hex(8)
            start_ns = began_ns + to_wall_ns
            yield Interval(name, span_id, start_ns, start_ns + int(duration_ms * 1e6))
