from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from benchmarks.comparison.aims import Aim, aims
from benchmarks.comparison.measurement import Measurement
from benchmarks.comparison.tables import aims_table
from benchmarks.comparison.ways import DIRECT, NAIVE, RAW
from benchmarks.network_cache import ENGINES, USUAL_ENGINE, Engine
from tests.unit.benchmarks.lines import line

NOTHING: dict[str, Any] = {"starts": [], "footprints": []}


def the_aim(words: str, lines: list[Measurement], starts: dict[str, Any] = NOTHING) -> Aim:
    (found,) = [it for it in aims(lines, starts) if it.words.startswith(words)]
    return found


def beside_floor(engine: Engine, network: str, *ratios: float) -> list[Measurement]:
    return [
        line(
            series="aims",
            network=network,
            way=engine.title,
            cpu_ms_per_image=40 * ratio,
            floor_cpu_ms_per_image=40.0,
        )
        for ratio in ratios
    ]


def test_what_was_not_measured_is_neither_reached_nor_missed() -> None:
    found = aims([], NOTHING)

    assert found
    assert {it.is_met for it in found} == {None}
    assert all(math.isnan(it.reached) for it in found)


@pytest.mark.parametrize(("ratio", "is_met"), [(0.75, True), (0.76, False)])
def test_the_gateway_with_a_tiny_network_is_held_against_the_floor(
    ratio: float, is_met: bool
) -> None:
    rounds = beside_floor(USUAL_ENGINE, "tiny", 0.5, ratio, 0.9)
    # One measurement of another series says nothing, however good it is.
    others = [replace(rounds[0], series="ways", way=RAW.title), replace(rounds[0], clients=1)]

    found = the_aim("tiny network, gateway, 16", [*others, *rounds])

    assert found.reached == pytest.approx(ratio)
    assert found.between == pytest.approx((0.5, 0.9))
    assert found.is_met is is_met


def test_the_floors_own_engine_and_the_best_engine_have_an_aim_each() -> None:
    lines = [
        *beside_floor(ENGINES[0], "resnet18", 1.1),
        *beside_floor(ENGINES[1], "resnet18", 0.9),
        *beside_floor(ENGINES[-1], "resnet18", 0.3),
    ]

    own = the_aim("ResNet-18, gateway, 16 clients, ONNX Runtime fp32", lines)
    best = the_aim("ResNet-18, gateway, 16 clients, OpenVINO int8", lines)

    assert own.reached == pytest.approx(1.1)
    assert (own.limit, own.is_met) == (1.05, False)
    assert best.reached == pytest.approx(0.3)
    assert (best.limit, best.is_met) == (0.40, True)


def test_one_clients_median_is_held_against_naive_fastapis_of_the_same_rounds() -> None:
    in_rounds = partial(line, series="aims", clients=1)
    lines = [
        *(in_rounds(way=RAW.title, p50_ms=p50_ms) for p50_ms in (5.0, 4.0, 9.0)),
        *(in_rounds(way=NAIVE.title, p50_ms=p50_ms) for p50_ms in (6.0, 7.0, 1.0)),
        in_rounds(way=NAIVE.title, p50_ms=1.0, network="resnet18"),
        line(way=NAIVE.title, clients=1, p50_ms=1.0),
    ]

    found = the_aim("tiny network, gateway, 1 client", lines)

    assert (found.limit, found.reached, found.is_met) == (6.0, 5.0, True)
    assert found.between == (4.0, 9.0)


def test_batches_are_held_against_the_mean_of_the_loops_of_the_same_code() -> None:
    lines = [
        line(series="same code", network="resnet50", way="loop", batch=8, cpu_ms_per_image=40.0),
        line(series="same code", network="resnet50", way="loop", batch=8, cpu_ms_per_image=60.0),
        line(series="batch", network="resnet50", way=DIRECT.title, batch=8, cpu_ms_per_image=55.0),
        line(series="batch", network="resnet50", way=DIRECT.title, batch=16, cpu_ms_per_image=9.0),
    ]

    found = the_aim("ResNet-50, direct, batches of 8", lines)

    assert (found.limit, found.reached, found.is_met) == (1.05, 1.1, False)


def test_start_and_memory_are_those_of_warm_starts_and_of_the_fullest_moment() -> None:
    starts = {
        "starts": [
            {"kind": "cold", "seconds": 9.0},
            *({"kind": "warm", "seconds": seconds} for seconds in (4.0, 5.0, 7.0)),
        ],
        "footprints": [{"pss_bytes": 500_000_000}, {"pss_bytes": 650_000_000}],
    }

    start = the_aim("digits: `up`", [], starts)
    memory = the_aim("digits: memory", [], starts)

    assert (start.reached, start.is_met) == (5.0, True)
    assert (memory.reached, memory.is_met) == (650.0, False)


def test_the_table_says_what_was_missed_and_what_was_not_measured() -> None:
    unknown = float("nan")
    found = [
        Aim("a", "ms", 2.0, 3.0, (2.5, 3.5)),
        Aim("b", "MB", 600.0, 512.3),
        Aim("c", "s", 6.0, unknown),
    ]

    rows = aims_table(found).splitlines()[2:]

    assert rows == [
        "| a | 2.00 | 3.00 (2.50 to 3.50) | ms | **missed** |",
        "| b | 600 | 512 | MB | reached |",
        "| c | 6.00 | – | s | not measured |",  # noqa: RUF001 - the dash of the table
    ]
