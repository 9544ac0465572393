"""A job is answered to its end, each item once, whichever processes are killed meanwhile."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import signal
import tarfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
import pytest

from benchmarks.local_stack import LocalStack, local_stack, port_options
from tests import pictures
from triptych.stack.leftovers import mark_of, processes_with

REPOSITORY: Final = Path(__file__).resolve().parents[2] / "model_repository"
# More than can be answered before all is killed.
ITEMS: Final = 6000
# Each is the start of a process's command line.
VICTIMS: Final = ("gateway.worker", "gateway.process", "tritonserver", "triton_python_backend_stub")
PATIENCE_SECONDS: Final = 240.0


def archive() -> bytes:
    """A TAR of many sevens, and of one file in a hundred that is no picture."""
    written, seven = io.BytesIO(), pictures.seven_jpeg()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for number in range(ITEMS):
            content = b"no picture" if is_bad(number) else seven
            member = tarfile.TarInfo(f"{number}.jpg")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return written.getvalue()


def is_bad(number: int) -> bool:
    return number % 100 == 50


@contextlib.contextmanager
def client(stack: LocalStack) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {stack.admin_key}"}
    with httpx.Client(
        base_url=stack.gateway_url, headers=headers, timeout=60, trust_env=False
    ) as gateway:
        yield gateway


def submit(stack: LocalStack) -> str:
    with client(stack) as gateway:
        answer = gateway.post(
            "/v1/jobs",
            params={"alias": "digits", "top_k": 1},
            content=archive(),
            headers={"Content-Type": "application/x-tar"},
        )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def job_now(stack: LocalStack, job_id: str) -> dict[str, Any] | None:
    """What the gateway tells of it; None where it is not there at this moment."""
    with client(stack) as gateway:
        try:
            answer = gateway.get(f"/v1/jobs/{job_id}")
        except httpx.HTTPError:
            return None
    return dict(answer.json()) if answer.status_code == 200 else None


def kill_one(state_dir: Path, what: str) -> bool:
    """Kill a process of a kind; whether there was one."""
    for pid in processes_with(mark_of(state_dir), is_prefix=True):
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if any(what in word for word in psutil.Process(pid).cmdline()[:4]):
                os.kill(pid, signal.SIGKILL)
                return True
    return False


def check_answers(stack: LocalStack, job_id: str) -> None:
    with client(stack) as gateway:
        answer = gateway.get(f"/v1/jobs/{job_id}/results")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["index"] for line in lines] == list(range(ITEMS))
    for line in lines:
        assert line["name"] == f"{line['index']}.jpg"
        if is_bad(line["index"]):
            assert line["error"]["code"] == "undecodable_image"
        else:
            assert line["predictions"][0]["label"] == "7"


@pytest.mark.timeout(600)
def test_every_item_is_answered_once_whatever_is_killed(tmp_path: Path) -> None:
    random.seed(10)
    ports, killed = port_options(), Counter[str]()
    with local_stack(tmp_path, REPOSITORY, "--no-ui", *ports) as stack:
        stack.wait_for_worker()
        job_id = submit(stack)
        for what in VICTIMS:
            time.sleep(random.uniform(0.5, 1.5))  # noqa: S311 - any moment will do
            killed[what] += kill_one(tmp_path, what)
        everything = processes_with(mark_of(tmp_path), is_prefix=True)
        os.kill(stack.description["pid"], signal.SIGKILL)
        for pid in everything:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    with local_stack(tmp_path, REPOSITORY, "--no-ui", *ports) as stack:
        deadline = time.monotonic() + PATIENCE_SECONDS
        before = job_now(stack, job_id)
        assert before
        assert before["done"] < ITEMS
        while (job := job_now(stack, job_id)) is None or job["ended_at"] is None:
            assert time.monotonic() < deadline, job
            time.sleep(0.2)
        assert (job["state"], job["done"], job["refused"]) == ("succeeded", ITEMS, ITEMS // 100)
        check_answers(stack, job_id)
    assert all(killed[what] for what in VICTIMS), killed
