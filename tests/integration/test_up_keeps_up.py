"""What `triptych up` started is killed, part by part: each is back, and stack.json is true."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.local_stack import LocalStack, local_stack
from tests import pictures
from triptych.stack.leftovers import mark_of, processes_with

REPOSITORY = Path(__file__).resolve().parents[2] / "model_repository"


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.1)


def written(stack: LocalStack) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((stack.state_dir / "stack.json").read_text())
    return body


def triptych(*arguments: str, state_dir: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "triptych", *arguments, "--state-dir", str(state_dir)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def is_ready(stack: LocalStack) -> bool:
    return triptych("status", state_dir=stack.state_dir).returncode == 0


def serves(stack: LocalStack) -> bool:
    try:
        answer = httpx.post(
            f"{stack.gateway_url}/v1/predict/digits",
            content=pictures.seven_jpeg(),
            headers={"X-API-Key": stack.admin_key, "Content-Type": "image/jpeg"},
            trust_env=False,
            timeout=20,
        )
    except httpx.TransportError:
        return False
    return answer.is_success


def test_every_part_that_is_killed_is_back_and_down_leaves_nothing(tmp_path: Path) -> None:
    with local_stack(tmp_path, REPOSITORY, "--tritons", "2") as stack:
        first = written(stack)
        (worker,) = psutil.Process(first["gateway"]["pid"]).children()
        worker.kill()
        wait_until(lambda: serves(stack), "another worker")
        assert written(stack)["gateway"]["restarts"] == 0

        os.kill(first["gateway"]["pid"], signal.SIGKILL)
        os.kill(first["ui"]["pid"], signal.SIGKILL)
        os.kill(first["tritons"][1]["supervisor_pid"], signal.SIGKILL)
        wait_until(lambda: written(stack)["tritons"][1]["restarts"] == 1, "a new supervisor")
        wait_until(lambda: is_ready(stack), "a ready stack")
        wait_until(
            lambda: written(stack)["tritons"][1]["pid"] != first["tritons"][1]["pid"], "its pid"
        )
        now = written(stack)
        assert [now[part]["restarts"] for part in ("gateway", "ui")] == [1, 1]
        assert now["tritons"][0] == first["tritons"][0]
        for pid in (now["gateway"]["pid"], now["ui"]["pid"], now["tritons"][1]["pid"]):
            assert psutil.pid_exists(pid)
        assert now["triton"] == now["tritons"][0]
        assert serves(stack)
        assert "(restarts: 1)" in triptych("status", state_dir=tmp_path).stdout
        told = (tmp_path / "logs" / "up.log").read_text()
        for name in ("The gateway", "The UI", "Triton 1"):
            assert f"{name} was ended by SIGKILL; it is started again at once." in told

        again = triptych("restart", "gateway", state_dir=tmp_path)
        assert again.returncode == 0, again.stderr
        again = triptych("restart", "ui", state_dir=tmp_path)
        assert again.returncode == 0, again.stderr
        assert written(stack)["ui"]["restarts"] == 2
        assert serves(stack)
    assert processes_with(mark_of(tmp_path), is_prefix=True) == []
    assert not (tmp_path / "stack.json").exists()
