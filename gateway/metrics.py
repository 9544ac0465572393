"""Prometheus metrics of one gateway, in a registry of its own."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from gateway.data_plane.admission.admission import Admission

_SECONDS_BUCKETS: Final = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
)


class GatewayMetrics:
    """Label sets are bounded: `route` is a path template, `alias` and `release` are known names."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "triptych_gateway_requests_total",
            "Requests answered.",
            ["route", "alias", "release", "status"],
            registry=self._registry,
        )
        self.request_seconds = Histogram(
            "triptych_gateway_request_duration_seconds",
            "From the headers to the last byte of the answer.",
            ["route"],
            buckets=_SECONDS_BUCKETS,
            registry=self._registry,
        )
        self.triton_seconds = Histogram(
            "triptych_gateway_triton_duration_seconds",
            "One call to Triton.",
            ["release"],
            buckets=_SECONDS_BUCKETS,
            registry=self._registry,
        )
        self._admitted = self._gauge("in_flight", "Predict requests admitted and not answered yet.")
        self._admitted_bytes = self._gauge("in_flight_bytes", "Bytes of their bodies.")
        self._calls = self._gauge(
            "triton_calls", "Calls to Triton that are on their way.", "release"
        )
        self._calls_limit = self._gauge(
            "triton_calls_limit", "How many there may be, as latency has it.", "release"
        )
        self.is_ready = self._gauge("ready", "1 while golden inputs get their golden answers.")

    def _gauge(self, name: str, documentation: str, *labels: str) -> Gauge:
        name = f"triptych_gateway_{name}"
        return Gauge(name, documentation, labels, registry=self._registry)

    def exposition(self, admission: Admission) -> bytes:
        """The text that Prometheus scrapes."""
        self._admitted.set(admission.admitted())
        self._admitted_bytes.set(admission.admitted_bytes())
        for release, line in admission.lines().items():
            self._calls.labels(release).set(line.in_flight)
            self._calls_limit.labels(release).set(line.limit.sustained)
        return generate_latest(self._registry)
