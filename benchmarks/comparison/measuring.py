"""One measurement: warm up, ask for some seconds, and count the CPU of both sides."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import uvloop

from benchmarks.comparison.floor_run import Work, floor_labels, plain_floor, same_code_floor
from benchmarks.comparison.load import Client, Load, quantile, run_clients
from benchmarks.comparison.measurement import Measurement
from benchmarks.comparison.pictures_on_disk import Pictures
from benchmarks.comparison.plan import Plan
from benchmarks.comparison.ways import FLOOR, SAME_CODE_FLOOR, Way
from benchmarks.network_cache import Network
from benchmarks.servers.server import Server

_UNKNOWN: Final = float("nan")


@dataclass(frozen=True)
class Subject:
    """What a line is about."""

    series: str
    network: Network
    pictures: Pictures
    way: str
    clients: int
    batch: int = 1

    def line(
        self, load: Load, server_seconds: float, client_seconds: float, same_label: str
    ) -> Measurement:
        """The line, its floor still unknown."""
        # Less than before: the server lost processes that nobody waited for, and their times.
        is_known = load.images > 0 and server_seconds >= 0
        images = max(load.images, 1)
        return Measurement(
            series=self.series,
            network=self.network.name,
            way=self.way,
            clients=self.clients,
            batch=self.batch,
            width=self.pictures.width,
            height=self.pictures.height,
            kilobytes=self.pictures.kilobytes,
            images=load.images,
            errors=load.errors,
            first_error=load.first_error,
            seconds=load.seconds,
            images_per_second=load.images / load.seconds,
            p50_ms=quantile(load.times_ms, 0.5),
            p99_ms=quantile(load.times_ms, 0.99),
            cpu_ms_per_image=server_seconds / images * 1000 if is_known else _UNKNOWN,
            floor_cpu_ms_per_image=_UNKNOWN,
            client_cpu_ms_per_image=client_seconds / images * 1000 if load.images else _UNKNOWN,
            same_label=same_label,
        )


def measure_floor(network: Network, pictures: Pictures, plan: Plan, cores: int) -> Measurement:
    """The plain loop, on all cores."""
    with plain_floor(network, pictures.folder, cores) as work:
        return looped(work, Subject("floor", network, pictures, FLOOR, clients=cores), plan.seconds)


def measure_same_code_floor(
    network: Network, pictures: Pictures, plan: Plan, cores: int, batch: int
) -> Measurement:
    """The release's decoder, engine and postprocessing in a loop, on all cores."""
    subject = Subject("same code", network, pictures, SAME_CODE_FLOOR, clients=cores, batch=batch)
    release = network.repository / network.release
    with same_code_floor(release, pictures.folder, batch, cores) as work:
        return looped(work, subject, plan.seconds)


def looped(work: Work, subject: Subject, seconds: float) -> Measurement:
    """A loop whose processes are there already."""
    load, cpu_seconds = work(seconds)
    return subject.line(load, cpu_seconds, 0.0, "")


def measure_way(way: Way, server: Server, subject: Subject, plan: Plan) -> Measurement:
    """One way to ask one running server."""
    make = way.prepare(server, subject.network, subject.pictures.batches(subject.batch))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(make, server, subject, plan))


async def _measure(
    make: Callable[[], Client], server: Server, subject: Subject, plan: Plan
) -> Measurement:
    clients = [make() for _ in range(subject.clients)]
    try:
        await run_clients(clients, plan.warm_seconds)
        before = server.cpu_seconds(), _own_cpu_seconds()
        load = await run_clients(clients, plan.seconds)
        after = server.cpu_seconds(), _own_cpu_seconds()
        same = await _same_labels(clients[0], subject) if load.images else "none"
    finally:
        await asyncio.gather(*(client.close() for client in clients), return_exceptions=True)
    return subject.line(load, after[0] - before[0], after[1] - before[1], same)


def _own_cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system


async def _same_labels(client: Client, subject: Subject) -> str:
    """How many pictures get the label that the floor gives them."""
    pictures = subject.pictures.contents
    try:
        given = [(await client.ask(number))[0] for number in range(len(pictures))]
    except Exception as exc:  # noqa: BLE001 - any failure is told in the report
        return type(exc).__name__
    expected = floor_labels(subject.network, pictures)
    return f"{sum(map(str.__eq__, given, expected))}/{len(pictures)}"


def held_against(
    lines: Sequence[Measurement], before: Measurement, after: Measurement
) -> list[Measurement]:
    """The same lines with the floor that was measured around them."""
    floor = (before.cpu_ms_per_image + after.cpu_ms_per_image) / 2
    return [replace(line, floor_cpu_ms_per_image=floor) for line in lines]
