"""What happens to others in the middle of a plan's life costs no plan, and nobody a release."""

from __future__ import annotations

import shutil
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import CliRunner

from tests.fakes.fake_tensorrt import FakeTensorRt
from tests.fakes.fake_triton import FakeTriton
from tests.unit.triptych.plans.planned import TRIAL, engine, is_in, ready, reason
from tests.unit.triptych.waiting import wait_until
from triptych.cli.plan import plan
from triptych.plans.plan_store import PlanStore


@pytest.mark.usefixtures("tools")
def test_a_restart_in_the_middle_of_a_trial_is_not_held_against_the_plan(
    triton: FakeTriton, tmp_path: Path
) -> None:
    is_asked, may_answer = threading.Event(), threading.Event()

    def judge(request: Any) -> tuple[grpc.StatusCode, str] | None:
        if request.model_name == TRIAL and not is_asked.is_set():
            is_asked.set()
            may_answer.wait(5)
        return None

    triton.judge = judge
    with ready(tmp_path, triton) as running:
        wait_until(is_asked.is_set)
        running.supervisor.restart()
        wait_until(lambda: running.supervisor.status().starts == 2)
        may_answer.set()
        wait_until(is_in(running, "serving"))

        assert engine(running) == "tensorrt"
    assert list((tmp_path / "state" / "plans").glob("*/refused.json")) == []
    assert list((tmp_path / "state" / "plans").glob("*/trial")) == []


def test_what_a_trial_finds_is_not_held_against_a_plan_that_was_built_meanwhile(
    tools: FakeTensorRt, triton: FakeTriton, tmp_path: Path
) -> None:
    again = ["digits_r1", "--again", "--model-repository", str(tmp_path / "models")]
    again += ["--state-dir", str(tmp_path / "state")]

    def judge(request: Any) -> tuple[grpc.StatusCode, str] | None:
        if request.model_name != TRIAL or len(tools.built()) > 1:
            return None
        tools.builds("imprecise")  # another file
        assert CliRunner().invoke(plan, again).exit_code == 0
        return grpc.StatusCode.INTERNAL, "no memory"

    triton.judge = judge
    with ready(tmp_path, triton) as running:
        wait_until(is_in(running, "serving"))

    assert len(tools.built()) == 2
    assert list((tmp_path / "state" / "plans").glob("*/refused.json")) == []


def test_onnx_serves_without_the_cache_that_was_deleted(
    tools: FakeTensorRt, triton: FakeTriton, tmp_path: Path
) -> None:
    with ready(tmp_path, triton) as running:
        wait_until(is_in(running, "serving"))
        tools.builds("hangs")
        shutil.rmtree(tmp_path / "state" / "plans")
        running.supervisor.restart()
        wait_until(is_in(running, "building"))

        assert engine(running) == "onnxruntime"
        view = tmp_path / "state" / "serving" / "digits_r1_model"
        assert (view / "1" / "model.onnx").is_file()


@pytest.mark.usefixtures("tools")
def test_a_configuration_that_somebody_broke_costs_the_plan_and_is_told(
    triton: FakeTriton, tmp_path: Path
) -> None:
    built_elsewhere = ExitStack()  # from before it could look
    built_elsewhere.enter_context(PlanStore(tmp_path / "state" / "plans").building())
    with built_elsewhere, ready(tmp_path, triton) as running:
        wait_until(is_in(running, "waiting"))
        (tmp_path / "models" / "digits_r1" / "config.pbtxt").write_text("{ rubbish")
        built_elsewhere.close()
        wait_until(is_in(running, "refused"))

        assert reason(running).startswith("given up until the next start: ")
        assert running.supervisor.status().ready
    assert list((tmp_path / "state" / "plans").glob("*/trial")) == []


@pytest.mark.usefixtures("tools")
def test_after_a_restart_no_plan_is_said_to_serve_until_it_does(
    triton: FakeTriton, tmp_path: Path
) -> None:
    with ready(tmp_path, triton) as running:
        wait_until(is_in(running, "serving"))
        triton.answers.clear()  # so that ONNX does not come up either
        running.supervisor.restart()
        wait_until(lambda: running.supervisor.status().starts == 2)
        wait_until(lambda: running.release() == "failing")

        assert engine(running) == "onnxruntime"
        assert is_in(running, "waiting")()
