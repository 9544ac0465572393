"""Samples of each step: differences, gaps and bounds."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from tritonclient.grpc import service_pb2

from tests.fakes.fake_triton import FakeTriton, running_triton
from tests.unit.triptych.waiting import wait_until
from triptych.client.triton import TritonConnection
from triptych.stack.ports import free_ports
from triptych.supervisor.step_samples import FIELDS, StepSamples

MODELS = ("digits_r1", "digits_r1_preprocess", "digits_r1_model", "digits_r1_postprocess")


def did(model: str, requests: int, executions: int, *, failures: int = 0) -> Any:
    """Each request waited 1 ms and was computed for 1 + 5 + 1 ms."""
    return service_pb2.ModelStatistics(
        name=model,
        version="1",
        inference_count=2 * requests,
        execution_count=executions,
        inference_stats=service_pb2.InferStatistics(
            success=service_pb2.StatisticDuration(count=requests, ns=8_000_000 * requests),
            fail=service_pb2.StatisticDuration(count=failures),
            queue=service_pb2.StatisticDuration(count=requests, ns=1_000_000 * requests),
            compute_input=service_pb2.StatisticDuration(count=requests, ns=1_000_000 * requests),
            compute_infer=service_pb2.StatisticDuration(count=requests, ns=5_000_000 * requests),
            compute_output=service_pb2.StatisticDuration(count=requests, ns=1_000_000 * requests),
        ),
    )


def samples_of(triton: FakeTriton, *looks: list[Any], interval: float = 5.0) -> list[Any]:
    watched = StepSamples(lambda: TritonConnection(triton.address), lambda: ["digits_r1"], interval)
    with TritonConnection(triton.address) as connection:
        for statistics in looks:
            triton.statistics = statistics
            watched.look(connection)
    told = json.loads(watched.to_json())
    assert told["fields"] == list(FIELDS)
    return list(told["samples"])


def test_a_sample_is_what_happened_between_two_looks() -> None:
    with running_triton() as triton:
        (sample,) = samples_of(
            triton,
            [did(model, 10, 10) for model in (*MODELS, "other_r1")],
            [did(model, 16, 13, failures=2) for model in (*MODELS, "other_r1")],
        )
    assert list(sample["models"]) == list(MODELS)
    assert set(map(tuple, sample["models"].values())) == {(6.0, 12.0, 3.0, 6.0, 42.0, 2.0)}
    assert sample["time"].endswith("Z")


def test_a_restarted_model_counts_from_zero_and_a_new_one_from_the_next_look() -> None:
    with running_triton() as triton:
        first, second = samples_of(
            triton,
            [did(MODELS[0], 10, 10)],
            [did(MODELS[0], 3, 3), did(MODELS[1], 100, 100)],
            [did(MODELS[0], 4, 4), did(MODELS[1], 101, 101)],
        )
    assert first["models"] == {MODELS[0]: [3.0, 6.0, 3.0, 3.0, 21.0, 0.0]}
    assert set(second["models"]) == {MODELS[0], MODELS[1]}
    assert second["models"][MODELS[1]][0] == 1.0


def test_an_hour_is_kept_and_less_can_be_asked_for() -> None:
    with running_triton() as triton:
        watched = StepSamples(
            lambda: TritonConnection(triton.address), lambda: ["digits_r1"], 900.0
        )
        with TritonConnection(triton.address) as connection:
            for number in range(10):
                triton.statistics = [did(MODELS[0], number, number)]
                watched.look(connection)
    hour, half = json.loads(watched.to_json()), json.loads(watched.to_json(1800))
    assert (len(hour["samples"]), len(half["samples"])) == (4, 2)
    assert half["samples"] == hour["samples"][2:]


def test_a_clock_that_is_set_back_hides_nothing_new(monkeypatch: pytest.MonkeyPatch) -> None:
    hours = iter((12, 13, 11, 14))
    now = "triptych.supervisor.step_samples.utc_now"
    monkeypatch.setattr(now, lambda: f"2026-01-31T{next(hours)}:00:00.000Z")
    with running_triton() as triton:
        told = samples_of(triton, *([did(MODELS[0], number, number)] for number in range(5)))
    assert [it["time"][11:13] for it in told] == ["11", "14"]


def test_a_triton_that_is_away_leaves_a_gap_and_nothing_else() -> None:
    with running_triton() as triton:
        watched = StepSamples(lambda: TritonConnection(triton.address), lambda: ["digits_r1"], 0.01)
        (nobody,) = free_ports(1)
        with TritonConnection(f"127.0.0.1:{nobody}") as silent:
            watched.look(silent)
        triton.statistics = [did(MODELS[0], 1, 1)]
        thread = threading.Thread(target=watched.watch)
        thread.start()
        wait_until(lambda: b'"time"' in watched.to_json())
        watched.stop()
        thread.join(5)
    assert not thread.is_alive()


def test_names_that_are_no_releases_are_not_asked_for() -> None:
    with running_triton() as triton:
        watched = StepSamples(lambda: TritonConnection(triton.address), lambda: ["???"], 5)
        triton.statistics = [did("???", 1, 1)]
        with TritonConnection(triton.address) as connection:
            watched.look(connection)
            watched.look(connection)
    assert json.loads(watched.to_json())["samples"] == []


def test_after_a_gap_samples_come_by_another_connection() -> None:
    """As after a restart with another authority: the first connection never gets in again."""
    (port,) = free_ports(1)
    with running_triton() as triton:
        triton.statistics = [did(model, 1, 1) for model in MODELS]
        addresses = iter([f"127.0.0.1:{port}", "away", triton.address])

        def connect() -> TritonConnection:
            address = next(addresses)
            if address == "away":
                raise FileNotFoundError("ca.pem")
            return TritonConnection(address)

        watched = StepSamples(connect, lambda: ["digits_r1"], 0.01)
        thread = threading.Thread(target=watched.watch)
        thread.start()
        wait_until(lambda: bool(json.loads(watched.to_json())["samples"]))
        watched.stop()
        thread.join(5)
    assert not thread.is_alive()
