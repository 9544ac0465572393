"""Prometheus metrics of one gateway, in a registry of its own.

Where it has several workers, prometheus_client keeps the numbers in files, and each worker tells
the sum of all: what was counted also of those that are gone, what is in hand of those that live.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector

from gateway.data_plane.admission.admission import Admission
from gateway.data_plane.servers.fleet import Fleet
from gateway.monitoring.traffic import TrafficCounts
from gateway.request_context import RequestRecord

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
_BYTES_BUCKETS: Final = tuple(4.0**power for power in range(5, 15))  # 1 KiB to 256 MiB

# A `_created` beside each counter and histogram would double what is scraped, for nobody.
disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client has no annotation here


class _OfRequest(NamedTuple):
    """Children for one set of labels; prometheus_client's own look-up costs more than adding."""

    requests: Counter
    seconds: Histogram


class _OfAlias(NamedTuple):
    queue_seconds: Histogram
    body_bytes: Histogram


class GatewayMetrics:
    """Label sets are bounded: `route` is a path template, `alias` and `release` are known names."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.traffic = TrafficCounts()
        # Decided when prometheus_client was imported: see shared_metrics.py.
        self.is_shared = values.ValueClass is not values.MutexValue
        self._admission: Admission | None = None
        self._fleet: Fleet | None = None
        self._servers: set[str] = set()
        self._of_request: dict[tuple[str, str, str, int, str], _OfRequest] = {}
        self._of_alias: dict[str, _OfAlias] = {}
        self._of_release: dict[str, Histogram] = {}
        self.requests = self._counter(
            "requests_total", "Requests answered.", "route", "alias", "release", "status"
        )
        self.request_seconds = self._histogram(
            "triptych_gateway_request_duration_seconds",
            "From the headers to the last byte of the answer.",
            ["route", "alias", "release", "outcome"],
        )
        for add in (
            self._add_waits,
            self._add_admission,
            self._add_servers,
            self._add_transport,
            self._add_cache,
            self._add_comparisons,
            self._add_jobs,
        ):
            add()

    def _add_waits(self) -> None:
        self.queue_seconds = self._histogram(
            "triptych_gateway_queue_duration_seconds",
            "Waited for its turn before Triton.",
            ["alias"],
        )
        self.triton_seconds = self._histogram(
            "triptych_gateway_triton_duration_seconds",
            "Waited for Triton, from the first call of a request to the end of its last.",
            ["release"],
        )
        self.body_bytes = self._histogram(
            "triptych_gateway_request_body_bytes",
            "Size of the bodies that were read, as they came.",
            ["alias"],
            _BYTES_BUCKETS,
        )

    def _add_admission(self) -> None:
        self._admitted = self._gauge("in_flight", "Requests admitted and not answered yet.")
        self._admitted_bytes = self._gauge("in_flight_bytes", "Bytes of their bodies.")
        self._calls = self._gauge("triton_calls", "Calls to Triton on their way.", "release")
        self._calls_limit = self._gauge(
            "triton_calls_limit", "How many there may be, as latency has it.", "release"
        )

    def _add_servers(self) -> None:
        self.is_ready = self._gauge(
            "ready", "1 while golden inputs get their golden answers.", mode="livemin"
        )
        self._server_ready = self._gauge(
            "server_ready",
            "1 while this Triton's golden inputs get their answers.",
            "server",
            mode="livemin",
        )
        self._server_calls = self._gauge("server_calls", "Calls on their way to it.", "server")
        self.ejections = self._counter(
            "ejections_total",
            "Releases left alone on a server, by cause: see docs/observability.md.",
            "server",
            "cause",
        )
        self.retries = self._counter("retries_total", "Calls to Triton that were made again.")
        self.harmful_items = self._counter("harmful_items_total", "Items that ended a stub twice.")

    def _add_transport(self) -> None:
        self.refused_connections = self._counter(
            "refused_connections_total",
            "Connections refused before there was a request, by error code.",
            "code",
        )

    def _add_cache(self) -> None:
        self.cache_items = self._counter(
            "cache_items_total",
            "Items looked up in the answer cache: hit, miss, or collapsed into one on its way.",
            "outcome",
        )
        self.cache_bytes = self._gauge("cache_bytes", "Memory that cached answers take.")

    def _add_comparisons(self) -> None:
        self.shadow_copies = self._counter(
            "shadow_copies_total",
            "Requests copied to a shadow: sent, failed (of those), or dropped.",
            "release",
            "outcome",
        )
        self.shadow_items = self._counter(
            "shadow_items_total",
            "Items that a shadow was asked, too: agreed or disagreed on the first label.",
            "release",
            "verdict",
        )
        self.rollout_changed = self._gauge(
            "rollout_changed_timestamp_seconds",
            "When the latest rollout of an alias was last noted down, for its state; else 0.",
            "alias",
            "state",
            mode="livemax",
        )

    def _add_jobs(self) -> None:
        self.jobs = self._gauge(
            "jobs", "Jobs that have not ended, of everybody.", "state", mode="livemax"
        )
        self.job_items_waiting = self._gauge(
            "job_items_waiting", "Items of jobs that have no answer yet.", mode="livemax"
        )
        self.job_moved = self._gauge(
            "job_moved_timestamp_seconds",
            "When the job that stands still for longest last moved; 0 where no item waits.",
            mode="livemax",
        )

    def observe(self, route: str, known: RequestRecord, status: int, outcome: str) -> None:
        """Count one request that has been answered."""
        labels = (route, known.alias, known.release, status, outcome)
        children = self._of_request.get(labels) or self._children(labels)
        children.requests.inc()
        children.seconds.observe(known.total_ms() / 1000)
        self.traffic.note(route, known, outcome)
        if known.alias:
            self._observe_alias(known)
        if known.triton_calls and not known.step:  # one step's time is not the release's
            triton = self._of_release.get(known.release)
            if triton is None:
                triton = self.triton_seconds.labels(known.release)
                self._of_release[known.release] = triton
            triton.observe(known.triton_ms / 1000)

    def watch(self, admission: Admission, fleet: Fleet) -> None:
        """Tell at each scrape what is here then."""
        self._admission, self._fleet = admission, fleet

    def exposition(self) -> bytes:
        """The text that Prometheus scrapes."""
        self.note()
        if not self.is_shared:
            return generate_latest(self._registry)
        everyones = CollectorRegistry()
        MultiProcessCollector(everyones)  # type: ignore[no-untyped-call]  # it has no annotation
        return generate_latest(everyones)

    def note(self) -> None:
        """Write down what is in hand now."""
        if self._admission:
            self._note_admission(self._admission)
        if self._fleet:
            self._note_servers(self._fleet)

    def _note_admission(self, admission: Admission) -> None:
        self._admitted.set(admission.admitted())
        self._admitted_bytes.set(admission.admitted_bytes())
        for release, line in admission.lines().items():
            self._calls.labels(release).set(line.in_flight)
            self._calls_limit.labels(release).set(line.limit.sustained)

    def _note_servers(self, fleet: Fleet) -> None:
        for name in self._servers - {server.name for server in fleet.servers}:
            # Not listed any more. Files of several workers keep what had a label once.
            for gauge in (self._server_ready, self._server_calls):
                if self.is_shared:
                    gauge.labels(name).set(0)
                else:
                    gauge.remove(name)
        self._servers = {server.name for server in fleet.servers}
        for server in fleet.servers:
            self._server_ready.labels(server.name).set(server.health.verdict().is_ready)
            self._server_calls.labels(server.name).set(server.calls)

    def _observe_alias(self, known: RequestRecord) -> None:
        children = self._of_alias.get(known.alias)
        if children is None:
            children = _OfAlias(
                self.queue_seconds.labels(known.alias), self.body_bytes.labels(known.alias)
            )
            self._of_alias[known.alias] = children
        if known.queue_started_ns:
            children.queue_seconds.observe(known.queue_ms / 1000)
        if known.body_started_ns:
            children.body_bytes.observe(known.body_bytes)

    def _children(self, labels: tuple[str, str, str, int, str]) -> _OfRequest:
        route, alias, release, status, outcome = labels
        children = _OfRequest(
            self.requests.labels(route, alias, release, status),
            self.request_seconds.labels(route, alias, release, outcome),
        )
        self._of_request[labels] = children
        return children

    def _histogram(
        self,
        name: str,
        help_text: str,
        labels: list[str],
        buckets: tuple[float, ...] = _SECONDS_BUCKETS,
    ) -> Histogram:
        return Histogram(name, help_text, labels, buckets=buckets, registry=self._registry)

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"triptych_gateway_{name}", help_text, labels, registry=self._registry)

    def _gauge(
        self,
        name: str,
        help_text: str,
        *labels: str,
        mode: Literal["livesum", "livemin", "livemax"] = "livesum",
    ) -> Gauge:
        full_name = f"triptych_gateway_{name}"
        return Gauge(full_name, help_text, labels, registry=self._registry, multiprocess_mode=mode)
