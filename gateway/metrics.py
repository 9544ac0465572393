"""Prometheus metrics of one gateway, in a registry of its own."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

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
        self.in_flight = Gauge(
            "triptych_gateway_in_flight",
            "Predict requests admitted and not answered yet.",
            registry=self._registry,
        )
        self.is_ready = Gauge(
            "triptych_gateway_ready",
            "1 while golden inputs get their golden answers.",
            registry=self._registry,
        )
        self._add_transport()
        self._add_answer_cache()

    def _add_transport(self) -> None:
        self.refused_connections = Counter(
            "triptych_gateway_refused_connections_total",
            "Connections refused before there was a request, by error code.",
            ["code"],
            registry=self._registry,
        )

    def _add_answer_cache(self) -> None:
        self.cache_items = Counter(
            "triptych_gateway_cache_items_total",
            "Items looked up in the answer cache: hit, miss, or collapsed into one on its way.",
            ["outcome"],
            registry=self._registry,
        )
        self.cache_bytes = Gauge(
            "triptych_gateway_cache_bytes",
            "Memory that cached answers take.",
            registry=self._registry,
        )

    def exposition(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self._registry)
