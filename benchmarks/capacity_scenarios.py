"""What the capacity page asks of the simulation: replicas, batches, a load that doubles."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import simpy

from benchmarks.capacity_measured import Network
from benchmarks.capacity_simulation import (
    Fleet,
    Pace,
    Pod,
    Process,
    Request,
    arrivals,
    closed_loop,
    open_load,
    quantile,
)

# As deploy/kubernetes/base/autoscaling.yaml has it.
POLL_SECONDS: Final = 15
THRESHOLD: Final = 2.0
# Past it the gateway refuses: about what six times the unloaded latency lets in (ADR 11).
MOST_IN_FLIGHT: Final = 8
_SATURATED: Final = 64
_WINDOW_SECONDS: Final = 5


@dataclass(frozen=True)
class Step:
    """A load that jumps, and when the autoscaler's pods come."""

    before: float
    """Requests per second."""
    after: float
    at_seconds: float = 30.0
    seconds: float = 240.0
    ready_seconds: float = 60.0
    """From the wish for a pod to its first request: node, image, loading, golden answers."""


@dataclass(frozen=True)
class Window:
    """What people saw in five seconds."""

    seconds: float
    p99_ms: float
    refused: float
    pods: int


def best_rate(network: Network) -> float:
    """Images per second of one pod that always has something to do."""
    return closed_loop(network, _SATURATED).per_second


def over_replicas(network: Network, per_second: float, pods: Sequence[int]) -> dict[int, Pace]:
    """The same load on few and on many."""
    return {count: open_load(network, per_second, pods=count) for count in pods}


def over_loads(network: Network, pods: int, shares: Sequence[float]) -> dict[float, Pace]:
    """Latency as the share of the best rate grows."""
    most = best_rate(network) * pods
    return {share: open_load(network, share * most, pods=pods, seconds=40) for share in shares}


def over_batches(
    network: Network, max_batches: Sequence[int], loads: Sequence[float]
) -> dict[int, dict[float, Pace]]:
    """What one pod does where its steps may take no more than so many at once."""
    return {
        most: {load: open_load(network, load, max_batch=most) for load in loads}
        for most in max_batches
    }


def autoscaled(network: Network, load: Step, *, pods: int, seed: int = 1) -> list[Window]:
    """A load that jumps at a fleet which grows by what is in flight, as a HPA computes it."""
    env, chance = simpy.Environment(), random.Random(seed)  # noqa: S311 - no secret
    fleet = Fleet([Pod(env, network.steps) for _ in range(pods)], chance, MOST_IN_FLIGHT)
    sent: list[Request] = []
    refused: list[float] = []
    counts: list[int] = []

    def send(request: Request) -> None:
        if fleet.send(request):
            sent.append(request)
        else:
            refused.append(request.came_at)

    def rate(now_ms: float) -> float:
        return load.before if now_ms < load.at_seconds * 1000 else load.after

    env.process(arrivals(env, rate, send, chance))
    env.process(_scale(env, network, fleet, load.ready_seconds))
    env.process(_note(env, fleet, counts))
    env.run(until=load.seconds * 1000)
    return _windows(sent, refused, counts)


def _scale(env: simpy.Environment, network: Network, fleet: Fleet, ready_seconds: float) -> Process:
    """Every fifteen seconds: the wish of the HPA, twice as many at the most; nobody leaves."""
    wished = len(fleet.pods)
    while True:
        yield env.timeout(POLL_SECONDS * 1000)
        in_flight = sum(pod.in_flight for pod in fleet.pods)
        more = min(math.ceil(in_flight / THRESHOLD), 2 * wished) - wished
        if more > 0:
            wished += more
            env.process(_come(env, network, fleet, more, ready_seconds))


def _come(
    env: simpy.Environment, network: Network, fleet: Fleet, count: int, ready_seconds: float
) -> Process:
    yield env.timeout(ready_seconds * 1000)
    fleet.pods.extend(Pod(env, network.steps) for _ in range(count))


def _note(env: simpy.Environment, fleet: Fleet, counts: list[int]) -> Process:
    while True:
        counts.append(len(fleet.pods))
        yield env.timeout(_WINDOW_SECONDS * 1000)


def _windows(
    sent: Sequence[Request], refused: Sequence[float], counts: Sequence[int]
) -> list[Window]:
    found = []
    for place, pods in enumerate(counts):
        begin, end = place * _WINDOW_SECONDS * 1000, (place + 1) * _WINDOW_SECONDS * 1000
        mine = [it for it in sent if begin <= it.came_at < end]
        gone = sum(begin <= it < end for it in refused)
        latencies = sorted(it.done_at - it.came_at for it in mine if it.done_at is not None)
        share = gone / max(1, gone + len(mine))
        found.append(Window(begin / 1000, quantile(latencies, 0.99), share, pods))
    return found
