"""A release that was loaded by hand stays over restarts; a broken one takes nobody with it."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.integration.supervised_triton import Supervised, supervised
from tests.integration.test_releases_command import copy_digits, write_like_digits
from tests.unit.triptych.waiting import wait_until
from triptych.client.triton import TritonConnection
from triptych.errors import CallFailed


def in_memory(running: Supervised) -> set[str]:
    with TritonConnection(running.grpc) as triton:
        return set(triton.statistics(10))


def test_what_was_loaded_by_hand_is_loaded_again_and_broken_releases_hold_up_nobody(
    tmp_path: Path,
) -> None:
    repository = tmp_path / "models"
    copy_digits(repository)
    write_like_digits(repository, "digits", 2)
    write_like_digits(repository, "garbage", onnx=b"this is no ONNX file")
    shutil.move(repository / "garbage_r1", tmp_path / "garbage_r1")
    with supervised(tmp_path, repository) as running:
        write_like_digits(repository, "wrong", first_label="9")
        shutil.move(tmp_path / "garbage_r1", repository / "garbage_r1")
        served = in_memory(running)
        for broken in ("wrong_r1", "garbage_r1"):
            refused = running.post(f"/releases/{broken}/load")
            assert refused.status_code == 409, refused.text
            assert running.is_ready()
        wait_until(lambda: in_memory(running) == served)  # nothing of them stays in memory
        assert running.post("/releases/digits_r2/load").status_code == 200

        os.kill(running.triton_pid(), signal.SIGKILL)
        running.wait(lambda: running.status()["starts"] == 2 and running.is_ready(), "restart")
        assert running.status()["releases"]["digits_r2"]["state"] == "ready"

    for broken in ("wrong_r1", "garbage_r1"):
        shutil.rmtree(repository / broken)
    with supervised(tmp_path, repository) as running:
        assert running.status()["releases"]["digits_r2"]["state"] == "ready"

    (repository / "digits_r2_model" / "1" / "model.onnx").write_bytes(b"broken")
    with supervised(tmp_path, repository) as running:
        status = running.status()
        assert status["ready"]
        assert status["releases"]["digits_r1"]["state"] == "ready"
        assert status["releases"]["digits_r2"]["state"] == "failing"
        assert status["releases"]["digits_r2"]["reason"].startswith("digits_r2 was edited: ")
        with TritonConnection(running.grpc) as triton, pytest.raises(CallFailed):
            triton.model_config("digits_r2", 10)
