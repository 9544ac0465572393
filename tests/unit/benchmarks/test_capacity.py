"""The simulation of docs/capacity.md where the answer is known, and the formula."""

from __future__ import annotations

import random

import pytest

from benchmarks.capacity import Size, size
from benchmarks.capacity_measured import Network, StepCost, gateway_share, read_networks
from benchmarks.capacity_scenarios import Step, autoscaled
from benchmarks.capacity_simulation import closed_loop, open_load, quantile

# One step of 10 ms that uses one core and gains nothing from batches.
PLAIN = Network("plain", "plain", (StepCost("only", 0.0, 10.0, 1),), 0.0, ())
# All of its cost is fixed: a batch of any size takes 10 ms.
BATCHED = Network("batched", "batched", (StepCost("only", 10.0, 0.0, 1),), 0.0, ())


def test_the_formula_at_round_numbers() -> None:
    found = size(1000, triton_ms=6.0, gateway_ms=1.2)

    assert found == Size(tritons=5, gateways=2)
    assert found.nodes == 1
    assert Size(tritons=101, gateways=20).cells == 3
    assert Size(tritons=150, gateways=30).nodes == 11


def test_one_client_waits_for_the_work_and_nothing_else() -> None:
    pace = closed_loop(PLAIN, 1, seconds=2)

    assert (pace.p50_ms, pace.p99_ms) == pytest.approx((10.0, 10.0))
    assert pace.per_second == pytest.approx(100, rel=0.02)


def test_a_step_that_is_saturated_gives_what_its_cost_allows() -> None:
    assert closed_loop(PLAIN, 20, seconds=5).per_second == pytest.approx(100, rel=0.05)
    assert closed_loop(BATCHED, 20, seconds=5).per_second == pytest.approx(2000, rel=0.05)


def test_steps_share_the_cores() -> None:
    """Three steps of 10 ms want three cores and get two: 66 a second, not 100.

    With more clients than a batch holds: 32 or fewer would go from step to step as one.
    """
    three = Network("three", "three", PLAIN.steps * 3, 0.0, ())

    assert closed_loop(three, 128, seconds=20).per_second == pytest.approx(200 / 3, rel=0.06)
    assert closed_loop(three, 32, seconds=20).per_second == pytest.approx(100 / 3, rel=0.06)


def test_random_arrivals_wait_as_queueing_theory_has_it() -> None:
    """M/D/1 without batches at half load: the mean is 1.5 services, here by its median and p99."""
    pace = open_load(PLAIN, 50, max_batch=1, seconds=200)
    chance, free_at, now = random.Random(7), 0.0, 0.0  # noqa: S311 - no secret
    waits = []
    for _ in range(20_000):  # Lindley's recursion, which needs no events
        now += chance.expovariate(0.05)
        free_at = max(free_at, now) + 10
        waits.append(free_at - now)
    waits.sort()

    assert pace.p50_ms == pytest.approx(quantile(waits, 0.5), rel=0.08)
    assert pace.p99_ms == pytest.approx(quantile(waits, 0.99), rel=0.15)


def test_cores_are_busy_with_the_work_that_comes() -> None:
    """50 pictures of 10 ms a second take half a core of two; in smaller batches each costs more."""
    assert open_load(PLAIN, 50, seconds=100).busy == pytest.approx(0.25, rel=0.08)
    few, many = (open_load(BATCHED, it, seconds=50).busy / it for it in (100, 1000))
    assert few > 2 * many


def test_more_pods_shorten_the_wait_and_batches_do() -> None:
    few, many = open_load(PLAIN, 180, pods=2), open_load(PLAIN, 180, pods=4)
    alone, batched = open_load(BATCHED, 90, max_batch=1), open_load(BATCHED, 90)

    assert many.p99_ms < few.p99_ms
    assert batched.p99_ms < alone.p99_ms


def test_a_jump_is_refused_until_help_is_ready_and_never_waits_longer_than_the_bound() -> None:
    load = Step(before=60, after=180, at_seconds=20, seconds=100, ready_seconds=30)
    windows = autoscaled(PLAIN, load, pods=1)

    during = [it for it in windows if 25 <= it.seconds < 45]
    assert min(it.refused for it in during) > 0.2
    assert max(it.p99_ms for it in windows) <= 8 * 10 + 10
    assert windows[-1].pods > 1
    assert windows[-1].refused == 0.0


def test_the_measurements_can_be_read_and_the_simulation_meets_the_best_rates() -> None:
    for network in read_networks():
        assert 0 < gateway_share(network.name) < 0.5
        assert all(step.fixed_ms >= 0 and step.item_ms > 0 for step in network.steps)
        (busy,) = [it for it in network.observed if it.in_flight == 16]
        pace = closed_loop(network, 16, seconds=5)
        assert pace.per_second == pytest.approx(busy.per_second, rel=0.15)
        assert pace.p50_ms == pytest.approx(busy.p50_ms, rel=0.15)


def test_the_same_seed_gives_the_same_answer() -> None:
    assert open_load(PLAIN, 50, seconds=5) == open_load(PLAIN, 50, seconds=5)
    assert open_load(PLAIN, 50, seconds=5) != open_load(PLAIN, 50, seconds=5, seed=2)
