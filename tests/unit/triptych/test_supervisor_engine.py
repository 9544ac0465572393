"""A supervisor that is asked to run a release on another of its engines."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.fakes.fake_triton import ranked, running_triton
from tests.unit.triptych.small_release import write_release_with_engines
from tests.unit.triptych.waiting import wait_until
from tests.unit.triptych.watched_supervisor import GOLDEN, Watched, is_ready, watched
from triptych.errors import CallFailed, LoadRefused
from triptych.routing import ReleaseName
from triptych.supervisor.status import Phase, ReleaseState

DIGITS_1 = ReleaseName("digits", 1)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Watched]:
    """digits_r1 is served, and was released with two engines."""
    write_release_with_engines(tmp_path / "models")
    with running_triton() as triton:
        triton.answers.update(GOLDEN)
        with watched(tmp_path, triton) as running:
            wait_until(is_ready(running))
            yield running


def engine(running: Watched) -> str:
    return running.supervisor.status().releases["digits_r1"].engine


def backends(running: Watched) -> list[tuple[str, str]]:
    """Model and backend of every load with a configuration."""
    return [(model, config.get("backend", "")) for model, config in running.triton.overrides]


def test_a_release_that_is_served_is_switched_by_a_load_of_its_model_step(running: Watched) -> None:
    assert engine(running) == "onnxruntime"

    told = running.supervisor.load(DIGITS_1, "openvino")

    assert (told.engine, told.state) == ("openvino", ReleaseState.READY)
    assert backends(running) == [("digits_r1_model", "openvino")]
    assert running.supervisor.status().ready
    asked = len(running.triton.asked)
    wait_until(lambda: len(running.triton.asked) > asked + 2)  # canaries go on, and are content
    assert running.supervisor.status().ready


def test_who_does_not_name_an_engine_changes_none(running: Watched) -> None:
    running.supervisor.load(DIGITS_1, "openvino")

    assert running.supervisor.load(DIGITS_1).engine == "openvino"
    assert running.supervisor.load(DIGITS_1, "openvino").engine == "openvino"
    assert backends(running) == [("digits_r1_model", "openvino")]


def test_it_can_be_switched_back(running: Watched) -> None:
    running.supervisor.load(DIGITS_1, "openvino")

    running.supervisor.load(DIGITS_1, "onnxruntime")

    assert engine(running) == "onnxruntime"
    assert backends(running)[-1] == ("digits_r1_model", "onnxruntime")


def test_an_engine_that_triton_cannot_load_leaves_the_old_one(running: Watched) -> None:
    running.triton.load_refusal = (grpc.StatusCode.INVALID_ARGUMENT, "no such backend")

    with pytest.raises(CallFailed, match="no such backend"):
        running.supervisor.load(DIGITS_1, "openvino")

    running.triton.load_refusal = None
    assert engine(running) == "onnxruntime"
    assert running.supervisor.status().ready


def test_a_release_that_came_up_only_when_it_was_healed_can_be_switched(running: Watched) -> None:
    running.triton.load_refusal = (grpc.StatusCode.INTERNAL, "no memory")
    os.kill(running.process.child.pid, signal.SIGKILL)
    wait_until(lambda: len(running.started) == 2)
    wait_until(lambda: running.supervisor.status().phase is Phase.SERVING)

    with pytest.raises(CallFailed, match="no memory"):
        running.supervisor.load(DIGITS_1, "openvino")

    assert engine(running) == "onnxruntime"
    running.triton.load_refusal = None
    wait_until(is_ready(running))
    assert running.supervisor.load(DIGITS_1, "openvino").engine == "openvino"


def test_an_engine_that_answers_wrongly_is_taken_back(running: Watched) -> None:
    def answers_by_engine(_: object) -> None:
        latest = running.triton.overrides[-1][1] if running.triton.overrides else {}
        is_other = latest.get("backend") == "openvino"
        running.triton.answers[b"picture of one"] = ranked("2" if is_other else "1")

    running.triton.judge = answers_by_engine

    with pytest.raises(LoadRefused, match=r"^digits_r1 stays on its engine, because one\.jpg got"):
        running.supervisor.load(DIGITS_1, "openvino")

    # The second load is of the configuration as it was served before.
    assert backends(running) == [("digits_r1_model", "openvino"), ("digits_r1_model", "")]
    assert running.triton.overrides[-1][1]["parameters"] == {"kept": {"string_value": "as it is"}}
    assert engine(running) == "onnxruntime"
    assert running.supervisor.status().ready


@pytest.mark.parametrize("name", ["openvino-bf16", "torch"])
def test_an_engine_that_the_gate_did_not_let_through_is_refused(
    running: Watched, name: str
) -> None:
    with pytest.raises(LoadRefused, match=f"digits_r1 has no engine '{name}'"):
        running.supervisor.load(DIGITS_1, name)

    assert backends(running) == []


def test_the_choice_holds_after_a_restart_of_triton(running: Watched) -> None:
    running.supervisor.load(DIGITS_1, "openvino")
    os.kill(running.process.child.pid, signal.SIGKILL)
    wait_until(lambda: len(running.started) == 2)
    wait_until(is_ready(running))

    assert engine(running) == "openvino"
    assert backends(running) == [("digits_r1_model", "openvino")] * 2


def test_the_choice_holds_after_a_restart_of_the_supervisor(tmp_path: Path) -> None:
    write_release_with_engines(tmp_path / "models")
    with running_triton() as triton:
        triton.answers.update(GOLDEN)
        with watched(tmp_path, triton) as running:
            wait_until(is_ready(running))
            running.supervisor.load(DIGITS_1, "openvino")
        kept = json.loads((tmp_path / "state" / "desired.json").read_text())
        assert kept["releases"]["digits_r1"]["engine"] == "openvino"
        with watched(tmp_path, triton) as running:
            wait_until(is_ready(running))

            assert engine(running) == "openvino"
            assert backends(running) == [("digits_r1_model", "openvino")] * 2
            assert running.triton.loaded[-2:] == ["digits_r1", "digits_r1_model"]


def test_a_release_may_be_loaded_on_another_engine_at_once(
    tmp_path: Path, running: Watched
) -> None:
    write_release_with_engines(tmp_path / "models", number=2)

    told = running.supervisor.load(ReleaseName("digits", 2), "openvino")

    assert told.engine == "openvino"
    assert backends(running) == [("digits_r2_model", "openvino")]
