"""A release moves to its TensorRT plan in a real Triton, whose TensorRT is a stand-in of ours.

What is real: tritonserver, the supervisor, the trial beside live traffic, the switch. What is not:
the card, trtexec, and the backend "tensorrt" (tests/plan_step), which computes on the CPU.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.fake_tensorrt import FakeTensorRt
from tests.integration.supervised_triton import (
    PROJECT,
    Load,
    Supervised,
    eight_clients,
    supervised,
)
from tests.integration.test_releases_command import copy_digits, write_like_digits
from triptych.client.triton import TritonConnection
from triptych.release import sha256

RELEASE = "digits_r2"


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeTensorRt:
    tools = FakeTensorRt(tmp_path / "tools")
    monkeypatch.setenv("PATH", tools.path)
    return tools


@contextmanager
def serving(folder: Path, **settings: object) -> Iterator[Supervised]:
    """digits_r2 may have a plan; Triton gets a backend that takes it for one."""
    repository = folder / "models"
    if not repository.is_dir():
        copy_digits(repository)
        write_like_digits(repository, "digits", 2, engines=("onnxruntime", "openvino"))
        on_cpu(repository)
        for model in repository.glob("digits_r1*"):
            shutil.rmtree(model)
    with supervised(folder, repository, quiet_seconds=3600, **settings) as running:
        stand_in = folder / "state" / "backends" / "tensorrt"
        stand_in.symlink_to(PROJECT / "tests" / "plan_step")
        yield running


def on_cpu(repository: Path) -> None:
    """There is no card here, so the configuration asks for none; all else is as exported."""
    file = repository / f"{RELEASE}_model" / "configs" / "tensorrt.pbtxt"
    file.write_text(file.read_text().replace("KIND_GPU", "KIND_CPU"))
    certificate = repository / RELEASE / "release.json"
    body = json.loads(certificate.read_text())
    body["artifacts"][str(file.relative_to(repository))] = sha256(file)
    certificate.write_text(json.dumps(body))


def told(running: Supervised) -> dict[str, Any]:
    return dict(running.status()["releases"][RELEASE])


def plan(running: Supervised) -> str:
    return str((told(running)["plan"] or {}).get("phase"))


def backend(running: Supervised) -> str:
    with TritonConnection(running.grpc) as triton:
        return str(triton.model_config(f"{RELEASE}_model", 10)["backend"])


def test_it_moves_to_its_plan_under_load_and_no_request_is_lost(
    tools: FakeTensorRt, tmp_path: Path
) -> None:
    with serving(tmp_path) as running, eight_clients(running.grpc, RELEASE) as seen:
        assert told(running)["engine"] == "onnxruntime"  # it answers before there is a plan

        running.wait(lambda: plan(running) == "serving", "plan", 60)
        enough = seen.ok + 50
        running.wait(lambda: seen.ok > enough, "answers")

        assert (seen.wrong, seen.failed["failed"]) == (0, 0)
        assert told(running)["engine"] == "tensorrt"
        assert running.is_ready()
        assert backend(running) == "tensorrt"
        assert len(tools.built()) == 1
        with TritonConnection(running.grpc) as triton:
            assert not [name for name in triton.statistics(5) if "_plan" in name]


def test_a_plan_that_is_no_good_never_serves_whatever_is_wrong_with_it(
    tools: FakeTensorRt, tmp_path: Path
) -> None:
    tools.builds("fails")
    with serving(tmp_path) as running:
        running.wait(lambda: plan(running) == "refused", "refusal")
        with eight_clients(running.grpc, RELEASE) as seen:
            for how, words in {
                "rubbish": "cannot load digits_r2_plan",
                "wrong": "with the plan and",
                "imprecise": " scores ",
            }.items():
                tools.builds(how)
                enough = seen.ok + 20
                build_again(tmp_path)
                running.wait(partial(is_refused_with, running, words), f"refusal of {how}", 60)
                running.wait(partial(has_answered, seen, enough), "answers")
                assert told(running)["engine"] == backend(running) == "onnxruntime"
            assert (seen.wrong, seen.failed["failed"]) == (0, 0)
        starts = running.status()["starts"]
        assert starts == 1

        tools.builds("deadly")
        build_again(tmp_path)
        running.wait(lambda: running.status()["starts"] == 2 and running.is_ready(), "revival", 60)
        running.wait(lambda: plan(running) == "refused", "refusal")
        assert backend(running) == "onnxruntime"
        # Whoever notices first: the trial that lost its server, or who has to start another one.
        seen_by = ("digits_r2_plan: ", "Triton failed over its trial")
        assert told(running)["plan"]["reason"].startswith(seen_by)
    builds = len(tools.built())
    with serving(tmp_path) as running:  # and all of that is remembered
        running.wait(lambda: plan(running) == "refused", "refusal")
        assert running.is_ready()
    assert len(tools.built()) == builds


def test_a_heal_and_a_restart_keep_answering(tools: FakeTensorRt, tmp_path: Path) -> None:
    with serving(tmp_path) as running:
        # A step that was healed has a configuration of its own; the trial must not undo that.
        running.wait(running.is_ready, "readiness")
        os.kill(running.stub(f"{RELEASE}_preprocess").pid, signal.SIGKILL)
        running.wait(lambda: told(running)["heals"] == 1, "heal")
        running.wait(lambda: plan(running) == "serving", "plan", 60)
        assert running.is_ready()

        assert running.post("/restart").status_code == 202
        running.wait(lambda: running.status()["starts"] == 2 and running.is_ready(), "restart", 60)
        running.wait(lambda: told(running)["engine"] == "tensorrt", "plan again", 60)
        assert running.is_ready()
    assert len(tools.built()) == 1


def build_again(folder: Path) -> None:
    where = ["--state-dir", str(folder / "state"), "--model-repository", str(folder / "models")]
    command = [sys.executable, "-m", "triptych", "plan", RELEASE, "--again", *where]
    subprocess.run(command, check=True, timeout=60)


def is_refused_with(running: Supervised, words: str) -> bool:
    found = told(running)["plan"] or {}
    return found.get("phase") == "refused" and words in (found.get("reason") or "")


def has_answered(seen: Load, enough: int) -> bool:
    return seen.ok > enough
