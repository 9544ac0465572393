"""GET /v1/admin/monitoring and …/gateway: samples of steps, processes and traffic, per 5 s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NotRequired, TypedDict

from ui.calls.gateway_http import Caller, QueryValue
from ui.calls.readiness import as_moment

# In the order in which this page reads them; the gateway may tell them in another one, and more.
STEP_FIELDS = ("requests", "items", "executions", "queue_ms", "compute_ms", "failures")
PROCESS_FIELDS = ("cpu_seconds", "rss_bytes")
GPU_FIELDS = ("utilisation", "memory_used_bytes", "memory_total_bytes")


class LatencyBody(TypedDict):
    """Counts of buckets, from the first one on."""

    first: int
    counts: list[int]


class TrafficRowBody(TypedDict):
    """Requests of one kind."""

    alias: str
    release: str
    outcome: str
    requests: int
    queue_ms: float
    latency: LatencyBody


class WorkerSampleBody(TypedDict):
    """One worker, one interval."""

    time: str
    worker: int
    cpu_seconds: float
    rss_bytes: int
    waiting: dict[str, int]
    in_flight: dict[str, int]
    traffic: list[TrafficRowBody]


class TrafficBody(TypedDict):
    """GET /v1/admin/monitoring/gateway."""

    interval_seconds: float
    bucket_ratio: float
    samples: list[WorkerSampleBody]


class StepSampleBody(TypedDict):
    """One Triton, one interval."""

    time: str
    models: dict[str, list[float]]
    processes: NotRequired[dict[str, list[float]]]
    gpus: NotRequired[dict[str, list[float]]]


class ServerBody(TypedDict):
    """One Triton."""

    name: str
    interval_seconds: float
    fields: list[str]
    process_fields: NotRequired[list[str]]
    gpu_fields: NotRequired[list[str]]
    samples: list[StepSampleBody]


class MonitoringBody(TypedDict):
    """GET /v1/admin/monitoring."""

    servers: list[ServerBody]


@dataclass(frozen=True)
class TrafficRow:
    """Requests of one kind in one interval; buckets count their latencies."""

    release: str
    outcome: str
    requests: int
    queue_ms: float
    buckets: Mapping[int, int]


@dataclass(frozen=True)
class WorkerSample:
    """What one worker of the gateway did in the interval that ended then; seconds since 1970."""

    time: str
    ended: float
    worker: int
    cpu_seconds: float
    rss_bytes: float
    waiting: Mapping[str, int]
    in_flight: Mapping[str, int]
    rows: tuple[TrafficRow, ...]


@dataclass(frozen=True)
class Traffic:
    """Samples of all workers, and how to read their buckets."""

    interval_seconds: float
    bucket_ratio: float
    samples: tuple[WorkerSample, ...]


@dataclass(frozen=True)
class ServerSample:
    """What one Triton did in an interval: numbers in the order of the FIELDS above."""

    time: str
    ended: float
    server: str
    interval_seconds: float
    models: Mapping[str, tuple[float, ...]]
    processes: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    gpus: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


def ask_traffic(caller: Caller, since: str | None) -> Traffic:
    """Ask for the gateway's own samples of the last hour, or those after a sample's time.

    Raises:
        GatewayProblem: In one of its forms, when there is no answer.
    """
    path = "/v1/admin/monitoring/gateway"
    return caller.look(path, decode_traffic, query=_query(since), is_quick=False)


def ask_servers(caller: Caller, since: str | None) -> tuple[ServerSample, ...]:
    """Ask for the samples of every Triton, likewise.

    Raises:
        GatewayProblem: In one of its forms; RequestRefused with 503 where no supervisor answers.
    """
    path = "/v1/admin/monitoring"
    return caller.look(path, decode_servers, query=_query(since), is_quick=False)


def decode_traffic(body: TrafficBody) -> Traffic:
    """Decode GET /v1/admin/monitoring/gateway."""
    return Traffic(
        interval_seconds=float(body["interval_seconds"]),
        bucket_ratio=float(body["bucket_ratio"]),
        samples=tuple(map(_worker_sample, body["samples"])),
    )


def decode_servers(body: MonitoringBody) -> tuple[ServerSample, ...]:
    """Decode GET /v1/admin/monitoring: samples of all servers, one server after the other."""
    return tuple(
        ServerSample(
            time=str(sample["time"]),
            ended=as_moment(sample["time"]).timestamp(),
            server=str(server["name"]),
            interval_seconds=float(server["interval_seconds"]),
            models=_ordered(sample["models"], server["fields"], STEP_FIELDS),
            processes=_ordered(
                sample.get("processes", {}), server.get("process_fields", []), PROCESS_FIELDS
            ),
            gpus=_ordered(sample.get("gpus", {}), server.get("gpu_fields", []), GPU_FIELDS),
        )
        for server in body["servers"]
        for sample in server["samples"]
    )


def _query(since: str | None) -> dict[str, QueryValue] | None:
    return None if since is None else {"since": since}


def _worker_sample(body: WorkerSampleBody) -> WorkerSample:
    return WorkerSample(
        time=str(body["time"]),
        ended=as_moment(body["time"]).timestamp(),
        worker=int(body["worker"]),
        cpu_seconds=float(body["cpu_seconds"]),
        rss_bytes=float(body["rss_bytes"]),
        waiting={str(name): int(count) for name, count in body["waiting"].items()},
        in_flight={str(name): int(count) for name, count in body["in_flight"].items()},
        rows=tuple(map(_traffic_row, body["traffic"])),
    )


def _traffic_row(body: TrafficRowBody) -> TrafficRow:
    first = int(body["latency"]["first"])
    counts = enumerate(body["latency"]["counts"], first)
    return TrafficRow(
        release=str(body["release"]),
        outcome=str(body["outcome"]),
        requests=int(body["requests"]),
        queue_ms=float(body["queue_ms"]),
        buckets={bucket: int(count) for bucket, count in counts if count},
    )


def _ordered(
    rows: Mapping[str, list[float]], told: list[str], wanted: tuple[str, ...]
) -> dict[str, tuple[float, ...]]:
    if not rows:
        return {}
    places = [told.index(name) for name in wanted]
    return {
        str(name): tuple(float(numbers[place]) for place in places)
        for name, numbers in rows.items()
    }
