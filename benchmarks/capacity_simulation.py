"""Tritons behind a gateway as a discrete-event simulation: batches form because a step is busy."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import simpy

from benchmarks.capacity_measured import CORES, Network, StepCost

MAX_BATCH: Final = 32
# What a core does at a stretch, as Linux shares it out among the processes of a pod.
_QUANTUM_MS: Final = 4.0

Process = Generator[Any, Any, None]


@dataclass
class Request:
    """One picture on its way; times in ms of the simulated clock."""

    came_at: float
    done_at: float | None = None
    done: list[Callable[[], object]] = field(default_factory=list)


@dataclass(frozen=True)
class Pace:
    """What came of a run, after its warm-up."""

    per_second: float
    p50_ms: float
    p99_ms: float
    refused: float
    """Share of those that came."""
    busy: float = 0.0
    """Share of the cores' time that pictures took; of open loads."""


class Pod:
    """One Triton: three steps, each one instance that takes whatever waits, on shared cores.

    Args:
        env: The simulated clock, in ms.
        steps: What each costs.
        max_batch: The most that a step takes at once.
    """

    def __init__(
        self, env: simpy.Environment, steps: Sequence[StepCost], max_batch: int = MAX_BATCH
    ) -> None:
        self._env = env
        self._cores = simpy.Resource(env, CORES)
        self._lines: list[deque[Request]] = [deque() for _ in steps]
        self._news = [env.event() for _ in steps]
        self.in_flight = 0
        self.worked_ms = 0.0
        for place, step in enumerate(steps):
            env.process(self._run(place, step, max_batch))

    def send(self, request: Request) -> None:
        """Take a request."""
        self.in_flight += 1
        self._enter(0, request)

    def _enter(self, place: int, request: Request) -> None:
        if place == len(self._lines):
            self.in_flight -= 1
            request.done_at = self._env.now
            for tell in request.done:
                tell()
            return
        self._lines[place].append(request)
        if not self._news[place].triggered:
            self._news[place].succeed()

    def _run(self, place: int, step: StepCost, max_batch: int) -> Process:
        line = self._lines[place]
        while True:
            if not line:
                self._news[place] = self._env.event()
                yield self._news[place]
            batch = [line.popleft() for _ in range(min(max_batch, len(line)))]
            threads = min(step.threads, len(batch)) if place == 0 else step.threads
            part = step.work_ms(len(batch)) / threads
            yield self._env.all_of([self._env.process(self.work(part)) for _ in range(threads)])
            for request in batch:
                self._enter(place + 1, request)

    def work(self, milliseconds: float) -> Process:
        """Use a core for so long, and let others have it in between."""
        while milliseconds > 0:
            with self._cores.request() as core:
                yield core
                spell = min(_QUANTUM_MS, milliseconds)
                yield self._env.timeout(spell)
                milliseconds -= spell
                self.worked_ms += spell


class Fleet:
    """Pods behind a gateway, which sends to the less busy of two and bounds what each has.

    Args:
        pods: There may become more and fewer of them.
        chance: Where its choices come from.
        most_in_flight: Of one pod; what comes when the chosen one has as many is refused.
    """

    def __init__(self, pods: list[Pod], chance: random.Random, most_in_flight: int) -> None:
        self.pods = pods
        self._chance = chance
        self._most = most_in_flight

    def send(self, request: Request) -> bool:
        """Hand it to a pod, or refuse it."""
        two = self._chance.sample(self.pods, min(2, len(self.pods)))
        pod = min(two, key=lambda it: it.in_flight)
        if pod.in_flight >= self._most:
            return False
        pod.send(request)
        return True


def arrivals(
    env: simpy.Environment,
    rate: Callable[[float], float],
    send: Callable[[Request], None],
    chance: random.Random,
) -> Process:
    """Requests of people who know nothing of each other; `rate` is per second, at a time in ms."""
    while True:
        yield env.timeout(chance.expovariate(rate(env.now) / 1000))
        send(Request(env.now))


def open_load(
    network: Network,
    per_second: float,
    *,
    pods: int = 1,
    max_batch: int = MAX_BATCH,
    seconds: float = 20.0,
    seed: int = 1,
    with_client: bool = False,
) -> Pace:
    """Poisson arrivals at pods that take everything."""
    env, chance = simpy.Environment(), random.Random(seed)  # noqa: S311 - no secret
    fleet = Fleet([Pod(env, network.steps, max_batch) for _ in range(pods)], chance, 10**9)
    sent: list[Request] = []

    def send(request: Request) -> None:
        sent.append(request)
        if with_client:  # the generator of the measurement took its share of the same cores
            env.process(fleet.pods[0].work(network.client_ms))
        fleet.send(request)

    env.process(arrivals(env, lambda _: per_second, send, chance))
    env.run(until=seconds * 1000)
    worked_ms = sum(pod.worked_ms for pod in fleet.pods)
    return replace(pace_of(sent, seconds), busy=worked_ms / (seconds * 1000 * CORES * pods))


def closed_loop(network: Network, in_flight: int, *, seconds: float = 20.0) -> Pace:
    """Clients of one pod, on its own cores, each of whom sends as soon as it is answered."""
    env, sent = simpy.Environment(), list[Request]()
    pod = Pod(env, network.steps)

    def client() -> Process:
        while True:
            yield env.process(pod.work(network.client_ms))
            request, answered = Request(env.now), env.event()
            request.done.append(answered.succeed)
            sent.append(request)
            pod.send(request)
            yield answered

    for _ in range(in_flight):
        env.process(client())
    env.run(until=seconds * 1000)
    return pace_of(sent, seconds)


def pace_of(sent: Sequence[Request], seconds: float, refused: int = 0) -> Pace:
    """Rate and latency without the first tenth; who is not answered has waited until the end."""
    begin, end = seconds * 100, seconds * 1000
    counted = [it for it in sent if it.came_at >= begin]
    latencies = sorted((it.done_at or end) - it.came_at for it in counted)
    answered = sum(it.done_at is not None and it.done_at >= begin for it in sent)
    return Pace(
        answered / (end - begin) * 1000,
        quantile(latencies, 0.5),
        quantile(latencies, 0.99),
        refused / max(1, len(sent) + refused),
    )


def quantile(rising: Sequence[float], share: float) -> float:
    """The nearest rank; nothing of nothing."""
    return rising[min(len(rising) - 1, int(share * len(rising)))] if rising else 0.0
