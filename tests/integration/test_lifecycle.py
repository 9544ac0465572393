"""Start, lose Triton, stop: what is said meanwhile, and that nothing is left behind."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest

from benchmarks.local_stack import local_stack
from tests import pictures
from triptych.stack.ports import free_ports
from triptych.stack.shared_memory import region_prefix

PROJECT = Path(__file__).resolve().parents[2]
REPOSITORY = PROJECT / "model_repository"


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)


def regions(state_dir: Path) -> list[str]:
    prefix = region_prefix(state_dir)
    shm = Path("/dev/shm")  # noqa: S108 - where Triton puts them
    return [entry.name for entry in shm.iterdir() if entry.name.startswith(prefix)]


def test_a_hung_and_a_dead_triton_come_back_by_themselves_and_down_leaves_nothing(
    tmp_path: Path,
) -> None:
    with local_stack(tmp_path, REPOSITORY, "--no-ui") as stack:
        up = psutil.Process(stack.description["pid"])
        started = [up, *up.children(recursive=True)]
        readyz = f"{stack.gateway_url}/readyz"
        supervisor = f"{stack.triton['supervisor']}/status"

        def is_ready() -> bool:
            return httpx.get(readyz, trust_env=False).status_code == 200

        def triton_pid() -> int:
            return int(httpx.get(supervisor, trust_env=False).json()["triton"]["pid"])

        assert is_ready()
        assert tmp_path.stat().st_mode & 0o777 == 0o700
        assert regions(tmp_path)
        for number in (signal.SIGSTOP, signal.SIGKILL):
            pid = triton_pid()
            os.kill(pid, number)
            wait_until(lambda: not is_ready(), f"noticing {number.name}")
            said = httpx.get(readyz, trust_env=False).json()
            assert said["reason"]
            assert said["since"].endswith("Z")
            assert httpx.get(f"{stack.gateway_url}/healthz", trust_env=False).status_code == 200
            wait_until(is_ready, f"a new Triton after {number.name}", seconds=40)
            assert triton_pid() != pid
        key = {"X-API-Key": stack.admin_key, "Content-Type": "image/jpeg"}
        answer = httpx.post(
            f"{stack.gateway_url}/v1/predict/digits",
            content=pictures.seven_jpeg(),
            headers=key,
            trust_env=False,
        )
        assert answer.json()["predictions"][0]["label"] == "7"
        started += up.children(recursive=True)
    assert not [process for process in started if process.is_running()]
    assert regions(tmp_path) == []
    assert not (tmp_path / "stack.json").exists()


def test_ctrl_c_leaves_nothing_even_of_a_triton_that_hangs(tmp_path: Path) -> None:
    process, started = start_in_foreground(tmp_path)
    os.kill(json.loads((tmp_path / "stack.json").read_text())["triton"]["pid"], signal.SIGSTOP)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    wait_until(lambda: not [child for child in started if child.is_running()], "every end")
    assert regions(tmp_path) == []


def test_a_killed_up_leaves_no_process_and_the_next_start_finds_its_way(tmp_path: Path) -> None:
    process, started = start_in_foreground(tmp_path)
    process.kill()
    process.wait()
    wait_until(lambda: not [child for child in started if child.is_running()], "every end")
    with local_stack(tmp_path, REPOSITORY, "--no-ui"):
        pass
    assert regions(tmp_path) == []


def start_in_foreground(state_dir: Path) -> tuple[subprocess.Popen[bytes], list[psutil.Process]]:
    names = ("triton-http", "triton-grpc", "triton-metrics", "supervisor", "gateway")
    ports = zip(names, free_ports(len(names)), strict=True)
    options = [part for name, port in ports for part in (f"--{name}-port", str(port))]
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "triptych",
            "up",
            "--no-ui",
            "--state-dir",
            str(state_dir),
            *options,
        ],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
    )
    stack_file = state_dir / "stack.json"
    wait_until(lambda: stack_file.exists() or process.poll() is not None, "the start", seconds=60)
    assert process.poll() is None
    return process, psutil.Process(process.pid).children(recursive=True)


def test_a_model_that_does_not_load_is_one_sentence_and_nothing_stays(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    shutil.copytree(REPOSITORY, repository)
    certificate_file = repository / "digits_r1" / "release.json"
    certificate = json.loads(certificate_file.read_text())
    garbage = b"this is no ONNX file"
    (repository / "digits_r1_model" / "1" / "model.onnx").write_bytes(garbage)
    certificate["artifacts"]["digits_r1_model/1/model.onnx"] = hashlib.sha256(garbage).hexdigest()
    certificate_file.write_text(json.dumps(certificate))
    state_dir = tmp_path / "state"
    with (
        pytest.raises(RuntimeError, match="digits_r1") as failure,
        local_stack(state_dir, repository, "--no-ui"),
    ):
        pass
    assert "Traceback" not in str(failure.value)
    assert regions(state_dir) == []
