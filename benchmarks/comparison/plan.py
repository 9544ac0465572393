"""How long and how much: the full report, and the quick one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.comparison.ways import CONTENDERS, GATEWAY, NAIVE_SERVER, STACK, Contender
from benchmarks.network_cache import ENGINES, USUAL_ENGINE, Engine, Network


@dataclass(frozen=True)
class NetworkPlan:
    """What is measured with one network."""

    contenders: tuple[Contender, ...]
    clients: tuple[int, ...]
    batches: tuple[int, ...] = ()
    engines: tuple[Engine, ...] = ()
    aimed_engines: tuple[Engine, ...] = ()
    """Those that an aim is about."""

    def engines_of(self, network: Network) -> Sequence[Engine]:
        """Every engine that this network is exported for."""
        return list(dict.fromkeys((network.engine, *self.engines, *self.aimed_engines)))


@dataclass(frozen=True)
class Plan:
    """What is measured; all of it is bounded."""

    networks: Mapping[str, NetworkPlan]
    seconds: float
    """Of one measurement."""
    warm_seconds: float
    """Of the same requests before it, which do not count."""
    rounds: int
    """Of what an aim is about, in turns with what it is held against."""
    sizes: tuple[tuple[int, int], ...]
    """Width and height, for the first network; the smallest has about 100 KB."""
    arrivals: tuple[int, ...]
    """Requests in flight that perf_analyzer keeps up; empty leaves it out."""
    poisson_shares: tuple[float, ...]
    """Poisson arrivals, as shares of what the closed loop reached."""
    starts: tuple[str, ...]
    """The stack's starts, "cold" or "warm", one after the other; memory is that of the last."""


# What others would write moves with nothing of ours: the quick look leaves most of it out.
QUICK: Final = Plan(
    networks={
        "tiny": NetworkPlan((STACK,), clients=(1, 16), aimed_engines=(USUAL_ENGINE,)),
        "resnet18": NetworkPlan((GATEWAY,), clients=(1, 16), aimed_engines=ENGINES[::3]),
    },
    seconds=1.0,
    warm_seconds=0.3,
    rounds=3,
    sizes=(),
    arrivals=(),
    poisson_shares=(),
    starts=("warm",),
)
FULL: Final = Plan(
    networks={
        "tiny": NetworkPlan(
            CONTENDERS,
            clients=(1, 4, 16, 64),
            batches=(1, 2, 8, 32),
            aimed_engines=(USUAL_ENGINE,),
        ),
        "resnet18": NetworkPlan(
            CONTENDERS,
            clients=(1, 4, 16, 64),
            batches=(1, 2, 8, 32),
            engines=ENGINES,
            aimed_engines=ENGINES[::3],
        ),
        "resnet50": NetworkPlan((NAIVE_SERVER, GATEWAY), clients=(1, 16), batches=(8,)),
    },
    seconds=4.0,
    warm_seconds=0.8,
    rounds=7,
    sizes=((640, 480), (1600, 1200), (4000, 3000)),
    arrivals=(1, 16, 64),
    poisson_shares=(0.4, 0.6),
    starts=("cold", "warm") * 3,
)
