"""The figures that an aim is about, in turns with what they are held against.

A machine that others use is slower for some seconds, then quicker. Two figures that were taken in
turns saw the same machine; those of a whole run saw different ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Final

from benchmarks.comparison import ways
from benchmarks.comparison.floor_run import Work, plain_floor
from benchmarks.comparison.measurement import Measurement
from benchmarks.comparison.measuring import Subject, held_against, looped
from benchmarks.comparison.pictures_on_disk import Pictures
from benchmarks.comparison.series import Run
from benchmarks.comparison.ways import Contender, Way
from benchmarks.network_cache import Engine, Network

SERIES: Final = "aims"
MANY_CLIENTS: Final = 16


def measure_aims(run: Run, network: Network, pictures: Pictures) -> list[Measurement]:
    """Many clients on each engine that an aim names, beside the floor; one, beside naive FastAPI.

    Returns:
        One line per side and round. Beside the floor, `way` is the engine.
    """
    plan = run.plan.networks[network.name]
    lines = [line for it in plan.aimed_engines for line in _many(run, network, pictures, it)]
    return lines + _one(run, network, pictures)


def _many(run: Run, network: Network, pictures: Pictures, engine: Engine) -> list[Measurement]:
    served = replace(network, engine=engine)
    subject = Subject(SERIES, served, pictures, engine.title, MANY_CLIENTS)
    with (
        run.started(ways.GATEWAY, served) as server,
        plain_floor(network, pictures.folder, run.cores) as work,
    ):
        lines: list[Measurement] = []
        before = _floor(run, network, pictures, work)
        for _ in range(run.plan.rounds):
            line = run.way(ways.RAW, server, subject)
            after = _floor(run, network, pictures, work)
            lines += held_against([line], before, after)
            before = after
        return lines


def _floor(run: Run, network: Network, pictures: Pictures, work: Work) -> Measurement:
    subject = Subject("floor", network, pictures, ways.FLOOR, clients=run.cores)
    return looped(work, subject, run.plan.seconds / 2)


def _one(run: Run, network: Network, pictures: Pictures) -> list[Measurement]:
    sides: Sequence[tuple[Contender, Way]] = (
        (ways.NAIVE_SERVER, ways.NAIVE),
        (ways.GATEWAY, ways.RAW),
    )
    with ExitStack() as running:
        servers = [running.enter_context(run.started(it, network)) for it, _ in sides]
        return [
            run.way(way, server, Subject(SERIES, network, pictures, way.title, clients=1))
            for _ in range(run.plan.rounds)
            for server, (_, way) in zip(servers, sides, strict=True)
        ]
