"""Who wants no plan gets none, and what ends over a plan is held against it."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.fakes.fake_tensorrt import FakeTensorRt
from tests.fakes.fake_triton import FakeTriton
from tests.unit.triptych.plans.planned import TRIAL, engine, is_in, plan, platforms, ready, reason
from tests.unit.triptych.small_release import write_release_with_engines
from tests.unit.triptych.waiting import wait_until
from tests.unit.triptych.watched_supervisor import is_ready
from triptych.errors import LoadRefused
from triptych.plans.plan_store import PlanStore
from triptych.routing import ReleaseName

DIGITS_1 = ReleaseName("digits", 1)


def test_without_a_backend_for_plans_nothing_is_built(
    tools: FakeTensorRt, triton: FakeTriton, tmp_path: Path
) -> None:
    (tmp_path / "state" / "backends" / "tensorrt").rmdir()

    with ready(tmp_path, triton) as running:
        wait_until(is_in(running, "waiting"))

        assert reason(running) == "Triton has no TensorRT backend"
    assert tools.built() == []


def test_nobody_who_wants_no_plans_gets_any(
    tools: FakeTensorRt, triton: FakeTriton, tmp_path: Path
) -> None:
    with ready(tmp_path, triton, plan_build_seconds=0) as running:
        asked = len(triton.asked)
        wait_until(lambda: len(triton.asked) > asked + 60)

        assert plan(running) is None
    assert tools.built() == []


def test_while_another_one_is_built_it_waits(
    tools: FakeTensorRt, triton: FakeTriton, tmp_path: Path
) -> None:
    with PlanStore(tmp_path / "state" / "plans").building(), ready(tmp_path, triton) as running:
        wait_until(is_in(running, "waiting"))

        assert reason(running) == "another plan is being built"
    assert tools.built() == []


def test_who_chooses_an_engine_gets_it_and_no_plan(
    tools: FakeTensorRt, triton: FakeTriton, tmp_path: Path
) -> None:
    with ready(tmp_path, triton) as running:
        wait_until(is_in(running, "serving"))

        assert running.supervisor.load(DIGITS_1, "openvino").engine == "openvino"

        wait_until(lambda: plan(running) is None)
    with ready(tmp_path, triton) as running:
        assert engine(running) == "openvino"
        assert triton.loaded.count(TRIAL) == 1

        # Whoever names tensorrt leaves the choice to the supervisor again.
        running.supervisor.load(DIGITS_1, "tensorrt")
        wait_until(is_in(running, "serving"))
    kept = json.loads((tmp_path / "state" / "desired.json").read_text())
    assert kept["releases"]["digits_r1"]["engine"] is None
    assert len(tools.built()) == 1


def test_the_engine_that_it_runs_on_can_be_chosen_too(
    tools: FakeTensorRt, triton: FakeTriton, tmp_path: Path
) -> None:
    tools.builds("hangs")
    with ready(tmp_path, triton) as running:
        wait_until(is_in(running, "building"))
        running.supervisor.load(DIGITS_1, "onnxruntime")
    tools.builds("good")

    with ready(tmp_path, triton) as running:
        asked = len(triton.asked)
        wait_until(lambda: len(triton.asked) > asked + 60)

        assert (plan(running), engine(running)) == (None, "onnxruntime")


def test_a_release_without_a_configuration_for_it_has_no_such_engine(
    tools: FakeTensorRt, triton: FakeTriton, tmp_path: Path
) -> None:
    (tmp_path / "models" / "digits_r1_model" / "configs" / "tensorrt.pbtxt").unlink()
    certificate = tmp_path / "models" / "digits_r1" / "release.json"
    body = json.loads(certificate.read_text())
    del body["artifacts"]["digits_r1_model/configs/tensorrt.pbtxt"]
    certificate.write_text(json.dumps(body))

    with (
        ready(tmp_path, triton) as running,
        pytest.raises(LoadRefused, match="digits_r1 has no engine 'tensorrt'"),
    ):
        running.supervisor.load(DIGITS_1, "tensorrt")
    assert tools.built() == []


def test_a_restart_that_was_asked_for_begins_on_onnx_and_proves_the_plan_again(
    tools: FakeTensorRt, triton: FakeTriton, tmp_path: Path
) -> None:
    with ready(tmp_path, triton) as running:
        wait_until(is_in(running, "serving"))
        running.supervisor.restart()
        wait_until(lambda: triton.loaded.count(TRIAL) == 2)
        wait_until(lambda: engine(running) == "tensorrt")

        # ONNX between the two: the ensemble's own load, without a configuration.
        assert platforms(triton) == ["tensorrt_plan", "tensorrt_plan"]
        assert triton.loaded.count("digits_r1") == 2
    assert len(tools.built()) == 1


def test_a_server_that_ends_soon_after_the_switch_is_held_against_the_plan(
    tools: FakeTensorRt, triton: FakeTriton, tmp_path: Path
) -> None:
    with ready(tmp_path, triton) as running:
        wait_until(is_in(running, "serving"))
        os.kill(running.process.child.pid, signal.SIGKILL)
        wait_until(is_in(running, "refused"))
        wait_until(is_ready(running))

        assert reason(running) == "Triton failed within a minute of being switched to it"
        assert engine(running) == "onnxruntime"
        assert platforms(triton) == ["tensorrt_plan"]
    assert len(tools.built()) == 1


def test_a_trial_that_ended_the_supervisor_is_held_against_the_plan(
    tools: FakeTensorRt, triton: FakeTriton, tmp_path: Path
) -> None:
    with ready(tmp_path, triton) as running:
        wait_until(is_in(running, "serving"))
    (folder,) = {file.parent for file in (tmp_path / "state" / "plans").glob("*/plan.json")}
    (folder / "trial").write_text("{}")

    with ready(tmp_path, triton) as running:
        wait_until(is_in(running, "refused"))

        assert reason(running) == "Triton or its supervisor ended over it"
    assert triton.loaded.count(TRIAL) == 1
    assert len(tools.built()) == 1


def test_a_store_that_cannot_be_written_costs_the_plan_and_nothing_else(
    tools: FakeTensorRt, triton: FakeTriton, tmp_path: Path
) -> None:
    (tmp_path / "state" / "plans").write_text("no folder")

    with ready(tmp_path, triton) as running:
        wait_until(is_in(running, "refused"))

        assert reason(running).startswith("given up until the next start: ")
        assert running.supervisor.status().ready
    assert tools.built() == []


@pytest.mark.usefixtures("tools")
def test_a_refusal_that_cannot_be_written_down_ends_nobody(
    triton: FakeTriton, tmp_path: Path
) -> None:
    with ready(tmp_path, triton) as running:
        wait_until(is_in(running, "serving"))
        (folder,) = {file.parent for file in (tmp_path / "state" / "plans").glob("*/plan.json")}
        (folder / "refused.json").mkdir()
        os.kill(running.process.child.pid, signal.SIGKILL)
        wait_until(is_in(running, "refused"))
        wait_until(is_ready(running))

        assert engine(running) == "onnxruntime"
        assert triton.loaded.count(TRIAL) == 1


def test_what_is_unloaded_on_its_plan_and_loaded_again_gets_it_again(
    tools: FakeTensorRt, triton: FakeTriton, tmp_path: Path
) -> None:
    with ready(tmp_path, triton, unload_quiet_seconds=0.1) as running:
        wait_until(is_in(running, "serving"))
        running.supervisor.unload(DIGITS_1)
        running.supervisor.load(DIGITS_1)
        wait_until(lambda: triton.loaded.count(TRIAL) == 2)
        wait_until(is_in(running, "serving"))

        assert engine(running) == "tensorrt"
    assert len(tools.built()) == 1


def test_a_release_that_is_loaded_on_an_engine_by_name_stays_on_it(
    tools: FakeTensorRt, triton: FakeTriton, tmp_path: Path
) -> None:
    write_release_with_engines(tmp_path / "models", number=2)
    with ready(tmp_path, triton) as running:
        running.supervisor.load(ReleaseName("digits", 2), "onnxruntime")
        wait_until(is_in(running, "serving"))  # of digits_r1; both have the same ONNX
        asked = len(triton.asked)
        wait_until(lambda: len(triton.asked) > asked + 60)

        told = running.supervisor.status().releases["digits_r2"]
        assert (told.engine, told.plan) == ("onnxruntime", None)
    assert len(tools.built()) == 1
