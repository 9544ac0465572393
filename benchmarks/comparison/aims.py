"""The aims that this project has set itself for speed, held against what a run measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Any, Final

from benchmarks.comparison.measurement import Measurement
from benchmarks.comparison.rounds import MANY_CLIENTS, SERIES
from benchmarks.comparison.startup import MEMORY_TARGET_MB, WARM_TARGET_SECONDS
from benchmarks.comparison.ways import DIRECT, NAIVE, RAW
from benchmarks.network_cache import ENGINES, NETWORKS, Engine

_UNKNOWN: Final = float("nan")
_MB: Final = 1e6
_BATCH: Final = 8
# CPU of the ensemble over that of a loop of the same code, batches of 8.
_SAME_CODE_LIMITS: Final = {"tiny": 1.6, "resnet18": 1.10, "resnet50": 1.05}


@dataclass(frozen=True)
class Aim:
    """One aim; nan is what was not measured."""

    words: str
    unit: str
    limit: float
    """At most this, or less than this where it is a bound on start-up or memory."""
    reached: float
    """The median, where it was measured in rounds."""
    between: tuple[float, float] | None = None
    """The lowest and the highest round."""

    @property
    def is_met(self) -> bool | None:
        """None where it was not measured."""
        if math.isnan(self.limit) or math.isnan(self.reached):
            return None
        return self.reached <= self.limit


def aims(lines: Sequence[Measurement], starts: Mapping[str, Any]) -> list[Aim]:
    """Every aim, in the order of a request: the gateway, the engines, the hops, the start."""
    taken = [line for line in lines if line.series == SERIES]
    tiny, resnet18, _ = NETWORKS
    return [
        _beside_floor(taken, tiny.name, tiny.engine, f"{tiny.title}, gateway, 16 clients", 0.75),
        *(
            _beside_floor(taken, resnet18.name, engine, f"{words}, {engine.title}", limit)
            for words, engine, limit in (
                ("ResNet-18, gateway, 16 clients", ENGINES[0], 1.05),
                ("ResNet-18, gateway, 16 clients", ENGINES[-1], 0.40),
            )
        ),
        *(_one_client(taken, network.name, network.title) for network in NETWORKS),
        *(_batches(lines, network.name, network.title) for network in NETWORKS),
        *_start(starts),
    ]


def _find(lines: Sequence[Measurement], **wanted: object) -> list[Measurement]:
    return [line for line in lines if all(getattr(line, k) == v for k, v in wanted.items())]


def _beside_floor(
    taken: Sequence[Measurement], network: str, engine: Engine, words: str, limit: float
) -> Aim:
    found = _find(taken, network=network, way=engine.title, clients=MANY_CLIENTS)
    return _of_rounds(words, "x floor", limit, [line.ratio for line in found])


def _one_client(taken: Sequence[Measurement], network: str, title: str) -> Aim:
    def p50s(way: str) -> list[float]:
        return [it.p50_ms for it in _find(taken, network=network, way=way, clients=1)]

    words = f"{title}, gateway, 1 client: p50, against naive FastAPI's"
    naive = p50s(NAIVE.title)
    return _of_rounds(words, "ms", median(naive) if naive else _UNKNOWN, p50s(RAW.title))


def _of_rounds(words: str, unit: str, limit: float, figures: Sequence[float]) -> Aim:
    if not figures:
        return Aim(words, unit, limit, _UNKNOWN)
    return Aim(words, unit, limit, median(figures), (min(figures), max(figures)))


def _batches(lines: Sequence[Measurement], network: str, title: str) -> Aim:
    loops = [it.cpu_ms_per_image for it in _find(lines, series="same code", network=network)]
    served = _find(lines, series="batch", network=network, way=DIRECT.title, batch=_BATCH)
    return Aim(
        f"{title}, direct, batches of {_BATCH}",
        "x loop of the same code",
        _SAME_CODE_LIMITS[network],
        served[0].cpu_ms_per_image / mean(loops) if loops and served else _UNKNOWN,
    )


def _start(starts: Mapping[str, Any]) -> list[Aim]:
    warm = [it["seconds"] for it in starts["starts"] if it["kind"] == "warm"]
    held = [it["pss_bytes"] / _MB for it in starts["footprints"]]
    seconds, megabytes = median(warm) if warm else _UNKNOWN, max(held, default=_UNKNOWN)
    return [
        Aim("digits: `up` to the first right answer, warm", "s", WARM_TARGET_SECONDS, seconds),
        Aim("digits: memory with the gateway, after load", "MB", MEMORY_TARGET_MB, megabytes),
    ]
