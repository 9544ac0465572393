"""Spans of sampled requests to an OpenTelemetry collector, behind the back of every request."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from gateway.tracing import Interval, TracedRequest

logger = logging.getLogger(__name__)

_EXPORT_TIMEOUT_SECONDS: Final = 2.0
_MAX_QUEUED_SPANS: Final = 2048
_SCHEDULE_DELAY_MS: Final = 1000


class _QuietExporter(SpanExporter):
    """Says once that the collector went away, and once that it is back."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._inner = OTLPSpanExporter(endpoint=url, timeout=_EXPORT_TIMEOUT_SECONDS)
        self._is_well = True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; one that cannot be sent is lost."""
        result = self._inner.export(spans)
        is_well = result is SpanExportResult.SUCCESS
        if is_well is not self._is_well:
            state = "takes spans again" if is_well else "does not take spans; they are dropped"
            logger.warning("the collector at %s %s", self._url, state)
        self._is_well = is_well
        return result

    def shutdown(self) -> None:
        """End a retry that may be under way."""
        self._inner.shutdown()  # type: ignore[no-untyped-call]  # the SDK has no annotation here


class _GivenIds(IdGenerator):
    """The ids were chosen when the request came, because Triton was told one of them."""

    trace_id = 0
    span_id = 0

    def generate_span_id(self) -> int:
        """The next span's."""
        return self.span_id

    def generate_trace_id(self) -> int:
        """Its trace's, where no caller began it."""
        return self.trace_id


class OtlpExport:
    """Takes one request after the other, from one thread; a thread of its own sends them."""

    def __init__(self, url: str) -> None:
        # The SDK would log each failed try and each span that finds the queue full.
        for noisy in ("opentelemetry.exporter", "opentelemetry.sdk"):
            logging.getLogger(noisy).setLevel(logging.CRITICAL)
        self._ids = _GivenIds()
        self._exporter = _QuietExporter(url)
        processor = BatchSpanProcessor(
            self._exporter,
            max_queue_size=_MAX_QUEUED_SPANS,
            schedule_delay_millis=_SCHEDULE_DELAY_MS,
        )
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": "triptych-gateway"}),
            id_generator=self._ids,
            sampler=ALWAYS_ON,  # what comes here was sampled
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("gateway")

    def take(self, request: TracedRequest) -> None:
        """Make spans of a request that has ended."""
        self._ids.trace_id = int(request.trace_id, 16)
        name = f"{request.method} {request.route}"
        whole = self._start(request.whole, request.caller_span_id, name, SpanKind.SERVER)
        whole.set_attributes(
            {
                "http.request.method": request.method,
                "http.route": request.route,
                "http.response.status_code": request.status,
                "http.request.body.size": request.body_bytes,
                "triptych.request_id": request.request_id,
                "triptych.key_id": request.key_id,
                "triptych.alias": request.alias,
                "triptych.release": request.release,
                "triptych.outcome": request.outcome,
            }
        )
        if request.outcome == "failed":
            whole.set_status(Status(StatusCode.ERROR))
        whole.end(request.whole.end_ns)
        for part in request.parts:
            kind = SpanKind.CLIENT if part.name == "triton" else SpanKind.INTERNAL
            self._start(part, request.whole.span_id, part.name, kind).end(part.end_ns)

    def close(self) -> None:
        """Send what is left, for as long as one try may take; the SDK's own patience is 30 s."""
        flush = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        flush.start()
        flush.join(_EXPORT_TIMEOUT_SECONDS)
        if flush.is_alive():
            self._exporter.shutdown()

    def _start(self, interval: Interval, parent_id: str, name: str, kind: SpanKind) -> Span:
        self._ids.span_id = int(interval.span_id, 16)
        context = None
        if parent_id:
            sampled = TraceFlags(TraceFlags.SAMPLED)
            parent = SpanContext(
                self._ids.trace_id, int(parent_id, 16), is_remote=True, trace_flags=sampled
            )
            context = set_span_in_context(NonRecordingSpan(parent))
        return self._tracer.start_span(name, context, kind, start_time=interval.start_ns)
