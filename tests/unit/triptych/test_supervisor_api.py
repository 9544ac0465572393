from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path

import httpx
import pytest

from tests.fakes.fake_triton import running_triton
from tests.unit.triptych.nothing_observed import nothing_observed
from tests.unit.triptych.small_release import write_small_release
from tests.unit.triptych.waiting import wait_until
from tests.unit.triptych.watched_supervisor import GOLDEN, is_ready, watched
from triptych.stack.serving_view import read_releases
from triptych.stack.settings import StackSettings
from triptych.stack.supervisor import Supervisor
from triptych.stack.supervisor_api import create_supervisor_api
from triptych.stack.supervisor_status import ReleaseStatus, SupervisorStatus
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
    transport = httpx.ASGITransport(create_supervisor_api(supervisor, nothing_observed()))
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

    assert set(status) == {field.name for field in fields(SupervisorStatus)}
    assert status["triton"] == {
        "http": "http://127.0.0.1:8000",
        "grpc": "127.0.0.1:8001",
        "metrics": "http://127.0.0.1:8002/metrics",
        "pid": process.child.pid,
    }
    assert status["releases"] == releases
    assert releases["digits_r1"]["state"] == "loading"
    assert set(releases["digits_r1"]) == {field.name for field in fields(ReleaseStatus)}


async def test_a_load_before_triton_is_up_says_so(tmp_path: Path, process: TritonProcess) -> None:
    async with client_of(tmp_path, process) as client:
        answer = await client.post("/releases/digits_r1/load")

    assert answer.status_code == 503
    assert answer.json() == {"error": "Triton is starting; try again once it is ready."}


async def test_a_load_of_what_is_no_release_name_is_not_found(
    tmp_path: Path, process: TritonProcess
) -> None:
    async with client_of(tmp_path, process) as client:
        answer = await client.post("/releases/digits/load")

    assert answer.status_code == 404
    assert answer.json() == {"error": "'digits' is no release name; one looks like digits_r1."}


async def test_a_load_is_answered_with_the_status_of_the_release_or_with_why_not(
    tmp_path: Path,
) -> None:
    write_small_release(tmp_path / "models")
    with running_triton() as triton:
        triton.answers.update(GOLDEN)
        with watched(tmp_path, triton) as running:
            await asyncio.to_thread(wait_until, is_ready(running))
            write_small_release(tmp_path / "models", "cats")
            write_small_release(tmp_path / "models", "dogs")
            (tmp_path / "models" / "dogs_r1_postprocess" / "labels.txt").unlink()
            transport = httpx.ASGITransport(
                create_supervisor_api(running.supervisor, nothing_observed())
            )
            async with httpx.AsyncClient(transport=transport, base_url="http://s") as client:
                loaded = await client.post("/releases/cats_r1/load")
                unknown = await client.post("/releases/cats_r2/load")
                broken = await client.post("/releases/dogs_r1/load")
                status = (await client.get("/status")).json()

    assert loaded.status_code == 200
    assert (loaded.json()["alias"], loaded.json()["state"]) == ("cats", "ready")
    assert set(status["releases"]) == {"digits_r1", "cats_r1"}
    assert unknown.status_code == 404
    assert unknown.json()["error"].startswith("There is no release cats_r2")
    assert broken.status_code == 409
    assert broken.json()["error"].startswith("dogs_r1 is incomplete: ")


async def test_a_load_is_no_mere_question(tmp_path: Path, process: TritonProcess) -> None:
    async with client_of(tmp_path, process) as client:
        assert (await client.get("/releases/digits_r1/load")).status_code == 405


@pytest.mark.parametrize("path", ["/", "/v2/health/ready", "/releases/digits_r1/unload"])
async def test_there_is_nothing_else(tmp_path: Path, process: TritonProcess, path: str) -> None:
    async with client_of(tmp_path, process) as client:
        assert (await client.get(path)).status_code == 404
        assert (await client.post("/status")).status_code == 405
