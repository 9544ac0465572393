"""What is known of the request being answered, for its log line, its metrics and its error body."""

from __future__ import annotations

import secrets
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter_ns, time_ns
from typing import Final

REQUEST_ID_HEADER: Final = "X-Request-Id"

request_id: ContextVar[str] = ContextVar("request_id", default="")


@dataclass(slots=True)
class TraceContext:
    """One sampled request's place in its trace, as W3C Trace Context writes ids: lower-case hex."""

    trace_id: str
    span_id: str
    """Of the span that stands for the whole request."""
    triton_span_id: str
    """Of the span around the calls to Triton; what Triton traces hangs below it."""
    caller_span_id: str = ""

    @property
    def traceparent(self) -> str:
        """What Triton is given: it traces each request that carries one, and no other."""
        return f"00-{self.trace_id}-{self.triton_span_id}-01"


@dataclass(slots=True)
class RequestRecord:
    """Filled in along the way; a log line, metrics, Server-Timing and spans come out at the end.

    Times are `perf_counter_ns()`; `arrived_ns` alone is the wall clock. Whoever waits for something
    notes when it began and calls the method named after it at the end; 0 means that it never began.
    """

    arrived_ns: int = field(default_factory=time_ns)
    started_ns: int = field(default_factory=perf_counter_ns)
    key_id: str = ""
    tenant: str = ""
    alias: str = ""
    release: str = ""
    arm: str = ""
    """What the route calls the release that was chosen."""
    revision: int | None = None
    """Of the route; None where the caller named the release itself."""
    step: str = ""
    """The only one that was asked; empty: the whole release."""
    server: str = ""
    """The Triton that was asked; of several calls, the last one."""
    images: int = 0
    texts: int = 0
    error_code: str = ""
    cache: str = ""
    body_bytes: int = 0
    sent_bytes: int = 0
    auth_ms: float = 0.0
    queue_started_ns: int = 0
    queue_ms: float = 0.0
    body_started_ns: int = 0
    body_ms: float = 0.0
    triton_started_ns: int = 0
    triton_ms: float = 0.0
    triton_calls: int = 0
    trace_id: str = ""
    """The caller's, or the one made for a sampled request."""
    caller_span_id: str = ""
    wants_trace: bool = False
    """The caller asks for a trace; the key decides."""
    trace: TraceContext | None = None
    """Only of sampled requests."""

    def auth_ended(self) -> None:
        """The key is known."""
        self.auth_ms = (perf_counter_ns() - self.started_ns) / 1e6

    def queue_ended(self, began_ns: int) -> None:
        """It was this request's turn, or its time was up; of several batches the longest counts."""
        waited_ms = (perf_counter_ns() - began_ns) / 1e6
        if waited_ms >= self.queue_ms:
            self.queue_started_ns, self.queue_ms = began_ns, waited_ms

    def body_ended(self, began_ns: int, body_bytes: int) -> None:
        """The body was read, or given up, since then."""
        self.body_started_ns, self.body_bytes = began_ns, body_bytes
        self.body_ms = (perf_counter_ns() - began_ns) / 1e6

    def triton_ended(self, began_ns: int) -> None:
        """One call to Triton ended; several make one span, from the first to the last."""
        first_ns = self.triton_started_ns or began_ns
        self.triton_started_ns = min(first_ns, began_ns)
        self.triton_ms = (perf_counter_ns() - self.triton_started_ns) / 1e6
        self.triton_calls += 1

    def total_ms(self) -> float:
        """Since the headers came."""
        return (perf_counter_ns() - self.started_ns) / 1e6

    def server_timing(self) -> str:
        """The Server-Timing header, which a browser's developer tools draw; milliseconds."""
        return (
            f"queue;dur={self.queue_ms:.2f}, body;dur={self.body_ms:.2f}, "
            f"triton;dur={self.triton_ms:.2f}, total;dur={self.total_ms():.2f}"
        )

    @property
    def traceparent(self) -> str | None:
        """What to send along to Triton; None for almost every request."""
        return self.trace.traceparent if self.trace else None


record: ContextVar[RequestRecord] = ContextVar("record")


def new_request_id() -> str:
    """128 random bits, so that ids of several gateways never meet."""
    return secrets.token_hex(16)
