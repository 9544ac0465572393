"""triptych plan: builds ahead, or says in one sentence why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.fake_tensorrt import FakeTensorRt
from tests.unit.triptych.command_line import Ended, assert_one_sentence, run_triptych
from tests.unit.triptych.small_release import write_small_release
from triptych.plans.plan_store import PlanStore


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(tmp_path, monkeypatch)


class Run:
    """The command on a state folder and a repository of its own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._monkeypatch = folder, monkeypatch

    def __call__(self, *arguments: str) -> Ended:
        where = ["--state-dir", self.folder / "state"]
        where += ["--model-repository", self.folder / "models"]
        return run_triptych(self._monkeypatch, "plan", *arguments, *where)


def test_a_plan_is_built_once(tools: FakeTensorRt, run: Run) -> None:
    first, second = run("digits_r1"), run("digits_r1")

    assert (first.exit_code, second.exit_code) == (0, 0)
    building, built = first.output.splitlines()
    assert building.startswith("Building for NVIDIA L4 with TensorRT 100700-b23; ")
    assert built.endswith(" is built.")
    assert second.output.endswith(" was there already.\n")
    assert len(tools.built()) == 1
    assert run("digits_r1", "--again").exit_code == 0
    assert len(tools.built()) == 2


def test_a_build_that_failed_is_tried_again_only_when_asked(tools: FakeTensorRt, run: Run) -> None:
    tools.builds("fails")
    for _ in range(2):
        ended = run("digits_r1")

        assert ended.exit_code == 1
        assert ended.errors == (
            "digits_r1 stays on ONNX: trtexec ended with exit code 1: [E] Error[4]: no kernel. "
            "--again tries again.\n"
        )
    assert len(tools.built()) == 1
    tools.builds("good")
    assert run("digits_r1", "--again").exit_code == 0


def test_while_a_supervisor_builds_it_does_not(tools: FakeTensorRt, run: Run) -> None:
    with PlanStore(run.folder / "state" / "plans").building():
        ended = run("digits_r1")

    assert ended.exit_code == 1
    assert ended.errors.startswith("Another plan is being built")
    assert tools.built() == []


def test_while_another_one_is_built_the_one_that_is_there_stays(
    tools: FakeTensorRt, run: Run
) -> None:
    run("digits_r1")
    store = run.folder / "state" / "plans"
    with PlanStore(store).building():
        ended = run("digits_r1", "--again")

    assert ended.exit_code == 1
    assert ended.errors.startswith("Another plan is being built")
    assert len(tools.built()) == len([*store.glob("*/plan.json")]) == 1


def test_what_is_lacking_is_one_sentence(
    tools: FakeTensorRt, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_small_release(run.folder / "models", number=2)
    assert_one_sentence(run("digits_r2"), "digits_r2 has no configs/tensorrt.pbtxt")
    assert_one_sentence(run("digits_r3"), "There is no release 'digits_r3'")
    (tools.folder / "nvidia-smi").unlink()
    monkeypatch.setenv("PATH", str(tools.folder))
    assert_one_sentence(run("digits_r1"), "There is no NVIDIA GPU here")
