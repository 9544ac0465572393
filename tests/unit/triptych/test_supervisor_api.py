from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.unit.triptych.small_release import write_small_release
from triptych.stack.serving_view import read_releases
from triptych.stack.settings import StackSettings
from triptych.stack.supervisor import Supervisor
from triptych.stack.supervisor_api import create_supervisor_api
from triptych.stack.triton_install import TritonInstall
from triptych.stack.triton_process import TritonProcess


@pytest.fixture
def process(tmp_path: Path) -> Iterator[TritonProcess]:
    """A shell script in tritonserver's place; nobody answers gRPC."""
    script = tmp_path / "tritonserver"
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    script.chmod(0o755)
    settings = StackSettings.model_validate({"state_dir": tmp_path / "state"})
    running = TritonProcess(TritonInstall(script, tmp_path, ""), tmp_path, settings)
    yield running
    running.child.stop(grace_seconds=1)


@asynccontextmanager
async def client_of(tmp_path: Path, process: TritonProcess) -> AsyncIterator[httpx.AsyncClient]:
    """The API of a supervisor that has not begun to watch."""
    write_small_release(tmp_path / "models")
    settings = StackSettings.model_validate({"state_dir": tmp_path / "state"})
    supervisor = Supervisor(process, read_releases(tmp_path / "models"), settings)
    transport = httpx.ASGITransport(create_supervisor_api(supervisor))
    async with httpx.AsyncClient(transport=transport, base_url="http://supervisor") as client:
        yield client


async def test_it_is_live_before_it_is_ready(tmp_path: Path, process: TritonProcess) -> None:
    async with client_of(tmp_path, process) as client:
        live, ready = await client.get("/livez"), await client.get("/readyz")

    assert (live.status_code, live.json()) == (200, {"live": True})
    assert ready.status_code == 503
    assert ready.json()["ready"] is False
    assert ready.json()["reason"] == "Triton is starting"


async def test_status_has_the_shape_that_the_gateway_reads(
    tmp_path: Path, process: TritonProcess
) -> None:
    async with client_of(tmp_path, process) as client:
        status = (await client.get("/status")).json()
        releases = (await client.get("/releases")).json()

    assert set(status) == {"ready", "since", "reason", "triton", "releases"}
    assert status["triton"] == {
        "http": "http://127.0.0.1:8000",
        "grpc": "127.0.0.1:8001",
        "metrics": "http://127.0.0.1:8002/metrics",
        "pid": process.child.pid,
    }
    assert status["releases"] == releases
    assert releases["digits_r1"]["state"] == "loading"
    assert set(releases["digits_r1"]) == {
        "alias",
        "number",
        "task",
        "promotable",
        "max_batch_size",
        "top_k",
        "state",
        "since",
        "reason",
        "last_canary",
        "canary_ms",
    }


@pytest.mark.parametrize("path", ["/", "/v2/health/ready", "/releases/digits_r1/load"])
async def test_there_is_nothing_else(tmp_path: Path, process: TritonProcess, path: str) -> None:
    async with client_of(tmp_path, process) as client:
        assert (await client.get(path)).status_code == 404
        assert (await client.post("/status")).status_code == 405
