"""The sketch against the latencies themselves."""

from __future__ import annotations

import json
import random

import pytest

from gateway.rollouts.latency_sketch import GAMMA, LatencySketch


def sketch_of(values: list[float]) -> LatencySketch:
    sketch = LatencySketch()
    for value in values:
        sketch.add(value)
    return sketch


@pytest.fixture(scope="module")
def latencies() -> list[float]:
    chance = random.Random(1)  # noqa: S311 - no secret
    return [chance.lognormvariate(2, 0.8) for _ in range(5000)]


@pytest.mark.parametrize("q", [0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 1.0])
def test_a_quantile_is_off_by_two_and_a_half_percent_at_most(
    latencies: list[float], q: float
) -> None:
    exact = sorted(latencies)[max(round(q * len(latencies)) - 1, 0)]

    assert sketch_of(latencies).quantile(q) == pytest.approx(exact, rel=0.025)


def test_at_a_border_what_is_above_it_is_counted_exactly(latencies: list[float]) -> None:
    sketch = sketch_of(latencies)
    border = sketch.border(0.95)
    assert border is not None

    above = sketch.count_above(border)
    assert above == sum(value > border for value in latencies)
    assert 0.05 * 0.7 < above / len(latencies) <= 0.05


def test_every_border_belongs_to_the_bucket_below_it() -> None:
    for power in range(-90, 300):
        assert sketch_of([GAMMA**power]).count_above(GAMMA**power) == 0
        assert sketch_of([GAMMA**power * 1.001]).count_above(GAMMA**power) == 1


def test_a_tenth_above_a_border_counts_from_the_next_border_on() -> None:
    border = GAMMA**40
    sketch = sketch_of([border * 1.02, border * 1.09, border * 1.11, border * 1.2])

    assert sketch.count_above(border * 1.1) == 2


def test_two_sketches_add_up_to_the_sketch_of_all(latencies: list[float]) -> None:
    one, another = sketch_of(latencies[:1000]), sketch_of(latencies[1000:])

    assert one + another == sketch_of(latencies)
    assert (one + another).total == len(latencies)
    assert one != another
    assert one != "a sketch"


def test_a_sum_leaves_its_parts_as_they_were() -> None:
    one, another = sketch_of([1.0]), sketch_of([1.0])
    (one + another).add(1.0)

    assert (one.total, another.total) == (1, 1)


def test_a_sketch_survives_json(latencies: list[float]) -> None:
    sketch = sketch_of(latencies)
    text = json.dumps(sketch.to_json())

    assert LatencySketch.from_json(json.loads(text)) == sketch
    assert len(text) < 1500


def test_an_empty_sketch_knows_nothing_and_survives_json() -> None:
    empty = LatencySketch()

    assert (empty.total, empty.quantile(0.5), empty.border(0.5)) == (0, None, None)
    assert empty.count_above(1.0) == 0
    assert LatencySketch.from_json(empty.to_json()) == empty


@pytest.mark.parametrize("ms", [-1.0, 0.0, 1e-9, 1e12])
def test_impossible_latencies_go_to_the_outermost_buckets(ms: float) -> None:
    sketch = sketch_of([ms])

    assert sketch.total == 1
    assert 0.009 < (sketch.quantile(0.5) or 0) < 3_800_000


def test_a_sketch_cannot_be_a_key_for_it_changes() -> None:
    with pytest.raises(TypeError):
        hash(LatencySketch())
