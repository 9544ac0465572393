from __future__ import annotations

from dataclasses import replace

from benchmarks.comparison.plan import FULL, QUICK
from benchmarks.network_cache import ENGINES, NETWORKS, USUAL_ENGINE
from triptych import engines

NETWORK = NETWORKS[0]


def test_the_report_runs_on_what_the_exporter_takes_by_itself() -> None:
    assert USUAL_ENGINE.options == ("--engine", engines.ENGINES["fp32"][0])


def test_each_engine_has_a_release_of_its_own_of_one_and_the_same_network() -> None:
    networks = [replace(NETWORK, engine=engine) for engine in ENGINES]

    assert len({it.repository for it in networks}) == len(ENGINES)
    assert {it.onnx_file for it in networks} == {NETWORK.onnx_file}
    assert {it.release for it in networks} == {"tiny_r1"}


def test_every_plan_measures_networks_that_there_are() -> None:
    known = {network.name for network in NETWORKS}

    assert set(FULL.networks) == known
    assert set(QUICK.networks) <= known
