"""A release runs on OpenVINO in a real Triton, and is switched to and fro under load."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.integration.supervised_triton import Load, Supervised, eight_clients, supervised
from tests.integration.test_releases_command import copy_digits, write_like_digits
from triptych.client.triton import TritonConnection
from triptych.supervisor.stub_processes import Stub, find_stubs

ENGINES = ("onnxruntime", "openvino", "openvino-bf16")
MODEL = "digits_r2_model"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("engines") / "models"
    copy_digits(folder)
    write_like_digits(folder, "digits", 2, engines=ENGINES)
    return folder


@pytest.fixture(scope="module")
def running(repository: Path) -> Iterator[Supervised]:
    with supervised(repository.parent, repository, quiet_seconds=3600) as running:
        load(running)
        yield running


def load(running: Supervised, engine: str | None = None) -> None:
    query = "" if engine is None else f"?engine={engine}"
    answer = running.post(f"/releases/digits_r2/load{query}")
    assert answer.status_code == 200, answer.text


def stubs(running: Supervised) -> list[Stub]:
    """Of the model step; for a moment after a switch the old one is there, too."""
    return [it for it in find_stubs(running.triton_pid()) if it.model == MODEL]


def has_answered(seen: Load, enough: int) -> bool:
    return seen.ok > enough


def told_engine(running: Supervised) -> str:
    return str(running.status()["releases"]["digits_r2"]["engine"])


def served_on(running: Supervised) -> tuple[str, bool]:
    """The backend of the model step, and whether it is to compute in bf16."""
    with TritonConnection(running.grpc) as triton:
        config = triton.model_config(MODEL, 10)
    return str(config["backend"]), "HINT_BF16" in config.get("parameters", {})


def libraries(running: Supervised) -> str:
    """What the stub of the model step has mapped."""
    running.wait(lambda: len(stubs(running)) == 1, "end of the old stub")
    (stub,) = stubs(running)
    return " ".join(mapping.path for mapping in psutil.Process(stub.pid).memory_maps())


def test_openvino_in_its_stub_is_the_real_package_and_not_our_folder(running: Supervised) -> None:
    load(running, "openvino")

    assert "/site-packages/openvino/libs/" in libraries(running)
    assert "/onnxruntime/capi/" not in libraries(running)


def test_it_is_switched_to_and_fro_under_load_and_no_request_is_lost(running: Supervised) -> None:
    load(running, "onnxruntime")
    with eight_clients(running.grpc, "digits_r2") as seen:
        for engine in ("openvino", "openvino-bf16", "onnxruntime"):
            enough = seen.ok + 20
            running.wait(partial(has_answered, seen, enough), "answers")
            load(running, engine)
            assert told_engine(running) == engine

    assert (seen.wrong, seen.failed["failed"]) == (0, 0)
    assert running.is_ready()


def test_a_heal_keeps_the_engine(running: Supervised) -> None:
    load(running, "openvino-bf16")
    heals = running.status()["releases"]["digits_r2"]["heals"]

    running.wait(lambda: len(stubs(running)) == 1, "end of the old stub")
    os.kill(running.stub(MODEL).pid, signal.SIGKILL)
    running.wait(lambda: running.status()["releases"]["digits_r2"]["heals"] > heals, "heal")
    running.wait(running.is_ready, "readiness")

    assert served_on(running) == ("openvino", True)
    assert told_engine(running) == "openvino-bf16"


def test_a_restart_of_triton_keeps_the_engine(running: Supervised) -> None:
    load(running, "openvino")
    starts = running.status()["starts"]

    assert running.post("/restart").status_code == 202
    running.wait(lambda: running.status()["starts"] > starts and running.is_ready(), "restart", 60)

    assert served_on(running) == ("openvino", False)
    assert told_engine(running) == "openvino"


def test_an_engine_that_the_release_does_not_have_is_refused(running: Supervised) -> None:
    answer = running.post("/releases/digits_r1/load?engine=openvino")

    assert answer.status_code == 409
    assert answer.json() == {"error": "digits_r1 has no engine 'openvino'; it has onnxruntime."}
