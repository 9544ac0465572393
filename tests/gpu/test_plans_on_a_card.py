"""Real plans: built by trtexec, loaded by Triton's own TensorRT backend, on this machine's card.

To be run in the Triton image (`make gpu`, docs/gpu.md). Twin of tests/integration/test_plans.py.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.supervised_triton import Supervised, eight_clients, supervised
from tests.integration.test_releases_command import copy_digits, write_like_digits
from triptych.client.triton import TritonConnection
from triptych.plans.target import find_target
from triptych.release import sha256

RELEASE = "digits_r2"
BUILD_SECONDS = 600.0

pytestmark = pytest.mark.timeout(2 * BUILD_SECONDS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """digits_r2 is digits_r1 as it would be exported now; all tests share its plan."""
    folder = tmp_path_factory.mktemp("gpu")
    repository = folder / "models"
    copy_digits(repository)
    write_like_digits(repository, "digits", 2, engines=("onnxruntime",))
    for model in repository.glob("digits_r1*"):
        shutil.rmtree(model)
    return folder


@pytest.fixture
def running(folder: Path) -> Iterator[Supervised]:
    with supervised(folder, folder / "models", quiet_seconds=3600) as running:
        yield running


def triptych_plan(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    where = ["--state-dir", str(folder / "state"), "--model-repository", str(folder / "models")]
    command = [sys.executable, "-m", "triptych", "plan", RELEASE, *arguments, *where]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=BUILD_SECONDS
    )


def told(running: Supervised) -> dict[str, Any]:
    return dict(running.status()["releases"][RELEASE])


def phase(running: Supervised) -> str:
    return str((told(running)["plan"] or {}).get("phase"))


def test_this_machine_says_what_it_is() -> None:
    target = find_target()

    assert target.gpu
    assert target.compute_capability.replace(".", "").isdigit()
    assert target.tensorrt[0].isdigit()


def test_trtexec_builds_the_plan_once(folder: Path) -> None:
    first, second = triptych_plan(folder), triptych_plan(folder)

    assert first.returncode == 0, first.stderr
    assert first.stdout.endswith(" is built.\n")
    assert second.stdout.endswith(" was there already.\n")


def test_it_moves_to_its_plan_under_load_and_no_request_is_lost(running: Supervised) -> None:
    with eight_clients(running.grpc, RELEASE) as seen:
        running.wait(lambda: phase(running) in {"serving", "refused"}, "plan", BUILD_SECONDS)
        assert phase(running) == "serving", told(running)["plan"]
        enough = seen.ok + 1000
        running.wait(lambda: seen.ok > enough, "answers", 60)

    assert (seen.wrong, seen.failed["failed"]) == (0, 0)
    assert (told(running)["engine"], told(running)["device"]) == ("tensorrt", "gpu")
    with TritonConnection(running.grpc) as triton:
        config = triton.model_config(f"{RELEASE}_model", 10)
    assert (config["backend"], config["optimization"]["cuda"]["graphs"]) == ("tensorrt", True)


def test_a_plan_that_is_none_is_built_anew_and_never_asked(folder: Path) -> None:
    (plan,) = (folder / "state" / "plans").glob("*/model.plan")
    plan.write_bytes(b"rubbish")

    with supervised(folder, folder / "models", quiet_seconds=3600) as running:
        running.wait(lambda: phase(running) == "serving", "plan", BUILD_SECONDS)

        assert running.status()["starts"] == 1
    assert plan.stat().st_size > len(b"rubbish")


def test_a_plan_that_triton_cannot_load_is_refused_and_onnx_serves(folder: Path) -> None:
    (plan,) = (folder / "state" / "plans").glob("*/model.plan")
    plan.write_bytes(b"rubbish")
    facts = json.loads((plan.parent / "plan.json").read_text())
    (plan.parent / "plan.json").write_text(json.dumps({**facts, "sha256": sha256(plan)}))

    with supervised(folder, folder / "models", quiet_seconds=3600) as running:
        running.wait(lambda: phase(running) == "refused", "refusal", 60)

        assert running.is_ready()
        assert told(running)["engine"] == "onnxruntime"
        assert running.status()["starts"] == 1
