"""What a picture costs, from the figures that `make bench` has written: nothing here is guessed."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

RESULTS: Final = Path(__file__).parent / "results" / "2026-11-23-amd-epyc-2-cores"
HOPS: Final = Path(__file__).parent / "results" / "hops.md"
CORES: Final = 2
_STEPS: Final = ("preprocess", "model", "postprocess")

Row = dict[str, str]


@dataclass(frozen=True)
class StepCost:
    """CPU of one step for a batch of b: `fixed_ms` + b * `item_ms`."""

    name: str
    fixed_ms: float
    item_ms: float
    threads: int
    """How many cores it can use at once; preprocessing no more than there are items."""

    def work_ms(self, items: int) -> float:
        """CPU for a batch."""
        return self.fixed_ms + items * self.item_ms


@dataclass(frozen=True)
class Observed:
    """One line of perf_analyzer: its load, and what came of it."""

    load: str
    in_flight: int
    """Of a closed loop; 0 for arrivals of their own."""
    per_second: float
    """As it was offered, of arrivals; as it came out, of a loop."""
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Network:
    """What one network costs in a Triton of two cores, and what was seen there."""

    name: str
    title: str
    steps: tuple[StepCost, ...]
    client_ms: float
    """CPU of the load generator, which shared the cores when all this was measured."""
    observed: tuple[Observed, ...]


def read_networks() -> list[Network]:
    """Those of which there are batches, steps and arrivals."""
    return [
        _network("tiny", "tiny network", model_threads=1),
        _network("resnet18", "ResNet-18", model_threads=CORES),
    ]


def gateway_share(network: str) -> float:
    """The gateway's part of all CPU with 16 clients, of the table of a network in hops.md."""
    lines = iter(HOPS.read_text(encoding="utf-8").splitlines())
    next(line for line in lines if line == f"## {network}_r1")
    own, everything = 0.0, 0.0
    for line in lines:
        cells = [cell.strip(" *") for cell in line.strip("|").split("|")]
        if cells[0] in {"gateway", "gateway's parent"}:
            own += float(cells[3])
        if cells[0] == "all":
            everything = float(cells[3])
            break
    return own / everything


def cost_ms(network: str, way: str) -> float:
    """Server CPU of a picture with 16 clients."""
    rows = _rows(
        lambda it: (
            (it["network"], it["way"], it["clients"]) == (network, way, "16")
            and it["series"] in {"ways", "engines"}
        )
    )
    return float(rows[0]["cpu_ms_per_image"])


def _network(name: str, title: str, *, model_threads: int) -> Network:
    fixed, item = _line(
        [(int(it["batch"]), float(it["cpu_ms_per_image"])) for it in _batches(name)]
    )
    walls = _walls(name)
    threads = {"preprocess": CORES, "model": model_threads, "postprocess": 1}
    # One picture alone keeps one core busy in every step but a model with several threads.
    works = {step: walls[step] * (model_threads if step == "model" else 1) for step in _STEPS}
    shares = {step: works[step] / sum(works.values()) for step in _STEPS}
    steps = tuple(
        StepCost(step, fixed * shares[step], item * shares[step], threads[step]) for step in _STEPS
    )
    (direct,) = _rows(
        lambda it: (
            (it["series"], it["network"], it["way"], it["clients"])
            == ("ways", name, "direct gRPC to Triton", "16")
        )
    )
    observed = _rows(lambda it: (it["series"], it["network"]) == ("arrivals", name))
    return Network(
        name,
        title,
        steps,
        float(direct["client_cpu_ms_per_image"]),
        tuple(_observed(it) for it in observed),
    )


def _observed(row: Row) -> Observed:
    load = row["way"].removeprefix("perf_analyzer, ")
    return Observed(
        load.partition(" (")[0],
        int(row["clients"]),
        float(row["images_per_second"]),
        float(row["p50_ms"]),
        float(row["p99_ms"]),
    )


def _batches(name: str) -> list[Row]:
    return _rows(
        lambda it: (
            (it["series"], it["network"], it["way"]) == ("batch", name, "direct gRPC to Triton")
        )
    )


def _walls(name: str) -> dict[str, float]:
    with (RESULTS / "stages.csv").open(encoding="utf-8") as stream:
        rows = [
            it for it in csv.DictReader(stream) if (it["network"], it["clients"]) == (name, "1")
        ]
    return {it["step"]: float(it["compute_ms"]) for it in rows}


def _line(points: list[tuple[int, float]]) -> tuple[float, float]:
    """CPU of a batch as a line over its size, from CPU per picture: least squares of the latter.

    Per picture it is `fixed / b + item`, a line over 1 / b.
    """
    xs, ys = [1 / batch for batch, _ in points], [cost for _, cost in points]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    above = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    fixed = above / sum((x - mean_x) ** 2 for x in xs)
    return fixed, mean_y - fixed * mean_x


def _rows(is_wanted: Callable[[Row], bool]) -> list[Row]:
    with (RESULTS / "measurements.csv").open(encoding="utf-8") as stream:
        return [row for row in csv.DictReader(stream) if is_wanted(row)]
