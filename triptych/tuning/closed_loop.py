"""So many requests always on their way to one Triton, and what became of them."""

from __future__ import annotations

import math
import queue
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from typing import Any, Final

import grpc
import psutil
from tritonclient.grpc import service_pb2_grpc

from triptych.client.triton_wire import CHANNEL_OPTIONS, HUNG_SECONDS

_MS: Final = 1000.0


@dataclass(frozen=True)
class Load:
    """What one level of load gave."""

    concurrency: int
    per_second: float
    """Answers."""
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    """CPU time of the server with all that it started, per answer."""
    failures: int

    def to_json(self) -> dict[str, float]:
        """Plain values."""
        return asdict(self)


def closed_loop(address: str, requests: Sequence[Any], *, concurrency: int, seconds: float) -> Load:
    """Send requests in turn, each as soon as another one is answered; none is cancelled.

    Args:
        address: Triton's gRPC address. The server is a child of this process.
        requests: ModelInferRequests of one item.
        concurrency: How many are on their way.
        seconds: How long new ones are sent.
    """
    with grpc.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        cpu_before, began = _children_cpu_seconds(), time.perf_counter()
        results = list(_results(stub, cycle(requests), concurrency, began + seconds))
        took = time.perf_counter() - began
        cpu_seconds = _children_cpu_seconds() - cpu_before
    latencies = sorted(latency for latency, is_answered in results if is_answered)
    answered = len(latencies)
    return Load(
        concurrency,
        round(answered / took, 2),
        round(_quantile(latencies, 0.5), 2),
        round(_quantile(latencies, 0.99), 2),
        round(_MS * cpu_seconds / max(1, answered), 3),
        len(results) - answered,
    )


def _results(
    stub: Any,  # noqa: ANN401 - the generated classes carry no types
    requests: Iterator[Any],
    concurrency: int,
    until: float,
) -> Iterator[tuple[float, bool]]:
    ended: queue.SimpleQueue[tuple[float, Any]] = queue.SimpleQueue()

    def send(request: Any) -> None:  # noqa: ANN401 - protobuf has no types
        started = time.perf_counter()
        call = stub.ModelInfer.future(request, timeout=HUNG_SECONDS)
        call.add_done_callback(lambda it: ended.put((_MS * (time.perf_counter() - started), it)))

    for request in islice(requests, concurrency):
        send(request)
    on_their_way = concurrency
    while on_their_way:
        latency, call = ended.get()
        yield latency, call.code() is grpc.StatusCode.OK
        if time.perf_counter() < until:
            send(next(requests))
        else:
            on_their_way -= 1


def _quantile(rising: Sequence[float], share: float) -> float:
    """The nearest rank; infinite where nothing was answered."""
    if not rising:
        return math.inf
    return rising[math.ceil(share * len(rising)) - 1]


def _children_cpu_seconds() -> float:
    children = psutil.Process().children(recursive=True)
    return sum(_cpu_seconds(child) for child in children)


def _cpu_seconds(process: psutil.Process) -> float:
    try:
        spent = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return spent.user + spent.system
