"""A supervisor that gives a release its plan in the background, or leaves it on ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.fakes.fake_tensorrt import FakeTensorRt
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.triptych.plans.planned import TRIAL, engine, is_in, platforms, ready, reason
from tests.unit.triptych.waiting import wait_until
from triptych.routing import ReleaseName

DIGITS_1 = ReleaseName("digits", 1)


def test_onnx_serves_until_the_plan_has_proven_itself(
    tools: FakeTensorRt, triton: FakeTriton, tmp_path: Path
) -> None:
    tools.builds("hangs")
    with ready(tmp_path, triton) as running:
        wait_until(is_in(running, "building"))

        assert engine(running) == "onnxruntime"
        assert running.supervisor.status().ready
    assert list((tmp_path / "state" / "plans").glob("*/*.json")) == []  # nothing is held against it

    tools.builds("good")
    with ready(tmp_path, triton) as running:
        wait_until(is_in(running, "serving"))

        assert (engine(running), running.supervisor.status().ready) == ("tensorrt", True)
        assert platforms(triton) == ["tensorrt_plan"]
        assert triton.loaded.count(TRIAL) == 1
        # Each golden input alone, then both in turn in each batch size.
        assert triton.asked_of(TRIAL) == 2 + len((2, 3, 4, 8, 16, 32))
        assert triton.unloaded == [TRIAL, f"{TRIAL}_model"]
        view = tmp_path / "state" / "serving"
        assert (view / "digits_r1_model" / "1" / "model.plan").is_file()
        assert not (view / TRIAL).exists()
        asked = len(triton.asked)
        wait_until(lambda: len(triton.asked) > asked + 2)  # canaries go on, and are content
        assert running.supervisor.status().ready
    assert list((tmp_path / "state" / "plans").glob("*/trial")) == []


def test_a_plan_that_is_built_is_only_proven_at_the_next_start(
    tools: FakeTensorRt, triton: FakeTriton, tmp_path: Path
) -> None:
    for _ in range(2):
        with ready(tmp_path, triton) as running:
            wait_until(is_in(running, "serving"))

    assert len(tools.built()) == 1
    assert triton.loaded.count(TRIAL) == 2


def test_another_tensorrt_builds_anew(
    tools: FakeTensorRt, triton: FakeTriton, tmp_path: Path
) -> None:
    for version in ("100700", "100900"):
        tools.builds("good", version)
        with ready(tmp_path, triton) as running:
            wait_until(is_in(running, "serving"))

    assert len(tools.built()) == 2


def test_a_plan_that_changed_on_disk_is_never_loaded_but_built_anew(
    tools: FakeTensorRt, triton: FakeTriton, tmp_path: Path
) -> None:
    with ready(tmp_path, triton) as running:
        wait_until(is_in(running, "serving"))
    (file,) = (tmp_path / "state" / "plans").glob("*/model.plan")
    file.write_text("changed")

    with ready(tmp_path, triton) as running:
        wait_until(is_in(running, "serving"))

    assert len(tools.built()) == 2
    assert file.read_text() != "changed"


@pytest.mark.parametrize("how", ["fails", "dies", "nothing"])
def test_a_failed_build_leaves_it_on_onnx_and_is_remembered(
    tools: FakeTensorRt, triton: FakeTriton, tmp_path: Path, how: str
) -> None:
    tools.builds(how)
    for _ in range(2):
        with ready(tmp_path, triton) as running:
            wait_until(is_in(running, "refused"))

            assert reason(running).startswith("trtexec ")
            assert (engine(running), running.supervisor.status().ready) == ("onnxruntime", True)
    assert len(tools.built()) == 1
    assert triton.overrides == []


def test_a_build_without_end_is_ended(
    tools: FakeTensorRt, triton: FakeTriton, tmp_path: Path
) -> None:
    tools.builds("hangs")

    with ready(tmp_path, triton, plan_build_seconds=0.3) as running:
        wait_until(is_in(running, "refused"))

        assert reason(running) == "trtexec was not done within 0.3 seconds"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (ranked("2"), "one.jpg is ('2',) with the plan and ('1',) without"),
        (ranked("1", "2"), "one.jpg scores 0.2500 for '2' with the plan and 0.0000 without"),
    ],
)
def test_a_plan_that_answers_otherwise_never_serves(
    tools: FakeTensorRt, triton: FakeTriton, tmp_path: Path, answer: Any, told: str
) -> None:
    triton.answers_of[TRIAL] = {b"picture of one": answer}

    with ready(tmp_path, triton) as running:
        wait_until(is_in(running, "refused"))

        assert reason(running) == told
        assert (engine(running), running.supervisor.status().ready) == ("onnxruntime", True)
    assert triton.overrides == []  # the model step was never touched
    assert tools.built() != []


def test_a_plan_that_triton_cannot_run_never_serves(
    tools: FakeTensorRt, triton: FakeTriton, tmp_path: Path
) -> None:
    def judge(request: Any) -> tuple[grpc.StatusCode, str] | None:
        is_trial = request.model_name == TRIAL
        return (grpc.StatusCode.INTERNAL, "no memory") if is_trial else None

    triton.judge = judge
    with ready(tmp_path, triton) as running:
        wait_until(is_in(running, "refused"))

        assert reason(running) == f"{TRIAL}: INTERNAL: no memory"
        assert engine(running) == "onnxruntime"
        assert running.supervisor.status().starts == 1
    assert len(tools.built()) == 1
