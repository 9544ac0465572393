"""The measurements of the report, one after the other: each server alone, the floor around it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.comparison import ways
from benchmarks.comparison.arrivals import measure_arrivals
from benchmarks.comparison.folder_run import TITLE as FOLDER_RUN
from benchmarks.comparison.folder_run import measure_folder_run
from benchmarks.comparison.measurement import Measurement
from benchmarks.comparison.measuring import (
    Subject,
    held_against,
    measure_floor,
    measure_same_code_floor,
    measure_way,
)
from benchmarks.comparison.pictures_on_disk import Pictures
from benchmarks.comparison.plan import Plan
from benchmarks.comparison.stages import Stage, measure_stages
from benchmarks.comparison.ways import Contender, Way
from benchmarks.comparison.wrk import measure_with_wrk
from benchmarks.network_cache import Engine, Network
from benchmarks.servers.server import Server

_FEW_CLIENTS = 4
_BATCH_CLIENTS = 2
_MANY_CLIENTS = 16
_ENGINE_CLIENTS = (1, 16)
SAME_CODE_BATCH: Final = 8


@dataclass
class Run:
    """One run of the report."""

    plan: Plan
    cores: int
    scratch: Path
    tell: Callable[[Measurement], None]
    stages: list[Stage] = field(default_factory=list)
    """Where requests spent their time, as the runs went by."""

    def floor(self, network: Network, pictures: Pictures) -> Measurement:
        """The floor now."""
        line = measure_floor(network, pictures, self.plan, self.cores)
        self.tell(line)
        return line

    def same_code_floor(self, network: Network, pictures: Pictures) -> Measurement:
        """What the release's own code costs in a loop, now."""
        line = measure_same_code_floor(network, pictures, self.plan, self.cores, SAME_CODE_BATCH)
        self.tell(line)
        return line

    def way(self, way: Way, server: Server, subject: Subject) -> Measurement:
        """One line."""
        line = measure_way(way, server, subject, self.plan)
        self.tell(line)
        return line

    @contextmanager
    def started(self, contender: Contender, network: Network) -> Iterator[Server]:
        """One server, in a folder of its own, and nothing of it afterwards."""
        with (
            tempfile.TemporaryDirectory(dir=self.scratch) as folder,
            contender.start(network, Path(folder)) as server,
        ):
            yield server

    def between_floors(
        self,
        network: Network,
        pictures: Pictures,
        measurements: Iterable[Callable[[], list[Measurement]]],
    ) -> list[Measurement]:
        """Several measurements, each held against the floors just before and just after it."""
        before = self.floor(network, pictures)
        lines = [before]
        for measure in measurements:
            found = measure()
            after = self.floor(network, pictures)
            lines += [*held_against(found, before, after), after]
            before = after
        return lines


def measure_ways(run: Run, network: Network, pictures: Pictures) -> list[Measurement]:
    """Every way with every number of clients, then every engine through the gateway."""
    plan = run.plan.networks[network.name]
    contenders = [partial(_contender, run, it, network, pictures) for it in plan.contenders]
    engines = [partial(_engine, run, it, network, pictures) for it in plan.engines]
    return run.between_floors(network, pictures, [*contenders, *engines])


def _contender(
    run: Run, contender: Contender, network: Network, pictures: Pictures
) -> list[Measurement]:
    with run.started(contender, network) as server:
        found = [
            run.way(way, server, Subject("ways", network, pictures, way.title, clients))
            for way in contender.ways
            for clients in run.plan.networks[network.name].clients
        ]
        if contender is ways.STACK:
            found += _more_of_the_stack(run, server, network, pictures)
    return found


def _more_of_the_stack(
    run: Run, server: Server, network: Network, pictures: Pictures
) -> list[Measurement]:
    subject = Subject("ways", network, pictures, FOLDER_RUN, _MANY_CLIENTS)
    asked = replace(subject, series="arrivals")
    for clients in (1, _MANY_CLIENTS):
        run.stages += measure_stages(server, replace(subject, clients=clients), run.plan)
    lines = [
        measure_folder_run(server, subject, run.plan),
        *measure_with_wrk(server, subject, run.plan, run.scratch),
        *measure_arrivals(server, asked, run.plan, run.scratch),
    ]
    for line in lines:
        run.tell(line)
    return lines


def _engine(run: Run, engine: Engine, network: Network, pictures: Pictures) -> list[Measurement]:
    """The same weights on another engine or in another precision; the floor stays what it is."""
    served = replace(network, engine=engine)
    with run.started(ways.GATEWAY, served) as server:
        return [
            run.way(ways.RAW, server, Subject("engines", served, pictures, engine.title, clients))
            for clients in _ENGINE_CLIENTS
        ]


def measure_batches(run: Run, network: Network, pictures: Pictures) -> list[Measurement]:
    """How the cost of a picture falls as more of them travel together."""
    before, own_before = run.floor(network, pictures), run.same_code_floor(network, pictures)
    with run.started(ways.STACK, network) as server:
        found = [
            run.way(
                way, server, Subject("batch", network, pictures, way.title, _BATCH_CLIENTS, batch)
            )
            for batch in run.plan.networks[network.name].batches
            for way in (ways.DIRECT, ways.MULTIPART)
        ]
    own_after, after = run.same_code_floor(network, pictures), run.floor(network, pictures)
    own = held_against([own_before, own_after], before, after)
    return [before, *held_against(found, before, after), *own, after]


def measure_sizes(run: Run, network: Network, sizes: Sequence[Pictures]) -> list[Measurement]:
    """How the cost of a picture grows with its size, each size between floors of its own."""
    before = [run.floor(network, pictures) for pictures in sizes]
    found: list[list[Measurement]] = [[] for _ in sizes]
    for contender, asked in (
        (ways.STACK, (ways.DIRECT, ways.RAW)),
        (ways.NAIVE_SERVER, (ways.NAIVE,)),
    ):
        with run.started(contender, network) as server:
            for lines, pictures in zip(found, sizes, strict=True):
                for way in asked:
                    subject = Subject("image size", network, pictures, way.title, _FEW_CLIENTS)
                    lines.append(run.way(way, server, subject))
    after = [run.floor(network, pictures) for pictures in sizes]
    held = [held_against(*three) for three in zip(found, before, after, strict=True)]
    return [*before, *(line for lines in held for line in lines), *after]
