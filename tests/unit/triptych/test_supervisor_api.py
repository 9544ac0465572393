from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from tests.fakes.fake_triton import running_triton
from tests.unit.triptych.nothing_observed import nothing_observed
from tests.unit.triptych.small_release import write_small_release
from tests.unit.triptych.waiting import wait_until
from tests.unit.triptych.watched_supervisor import GOLDEN, is_ready, watched
from triptych.errors import OptionInvalid
from triptych.stack.serving_view import read_served_releases
from triptych.stack.settings import StackSettings
from triptych.stack.shared_memory import SharedMemoryUse
from triptych.stack.triton_process import TritonProcess
from triptych.supervisor.access import check_access
from triptych.supervisor.api import create_supervisor_api
from triptych.supervisor.desired_set import ByHand
from triptych.supervisor.metrics import SupervisorMetrics
from triptych.supervisor.status import ReleaseStatus, SupervisorStatus
from triptych.supervisor.supervisor import Supervisor


def never() -> TritonProcess:
    raise AssertionError("nobody runs this supervisor")


@asynccontextmanager
async def client_of(
    tmp_path: Path, secret: SecretStr | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """The API of a supervisor that does not run."""
    write_small_release(tmp_path / "models")
    settings = StackSettings.model_validate({"state_dir": tmp_path / "state"})
    supervisor = Supervisor(never, read_served_releases(tmp_path / "models", ByHand()), settings)
    api = create_supervisor_api(supervisor, nothing_observed(), secret=secret)
    transport = httpx.ASGITransport(api)
    async with httpx.AsyncClient(transport=transport, base_url="http://supervisor") as client:
        yield client


async def test_it_is_live_before_it_is_ready(tmp_path: Path) -> None:
    async with client_of(tmp_path) as client:
        live, ready = await client.get("/livez"), await client.get("/readyz")

    assert (live.status_code, live.json()) == (200, {"live": True})
    assert ready.status_code == 503
    assert ready.json()["ready"] is False
    assert ready.json()["reason"] == "Triton is starting"


async def test_status_has_the_shape_that_the_gateway_reads(tmp_path: Path) -> None:
    async with client_of(tmp_path) as client:
        status = (await client.get("/status")).json()
        releases = (await client.get("/releases")).json()

    assert set(status) == {field.name for field in fields(SupervisorStatus)}
    assert status["phase"] == "starting"
    assert status["triton"] == {
        "http": "http://127.0.0.1:8000",
        "grpc": "127.0.0.1:8001",
        "metrics": "http://127.0.0.1:8002/metrics",
        "pid": 0,
    }
    assert releases == {
        name: {**told, "memory_bytes": None} for name, told in status["releases"].items()
    }
    assert releases["digits_r1"]["state"] == "loading"
    assert set(status["releases"]["digits_r1"]) == {field.name for field in fields(ReleaseStatus)}


async def test_a_load_before_triton_is_up_says_so(tmp_path: Path) -> None:
    async with client_of(tmp_path) as client:
        answer = await client.post("/releases/digits_r1/load")

    assert answer.status_code == 503
    assert answer.json() == {"error": "Triton is starting; try again once it is ready."}


async def test_a_load_of_what_is_no_release_name_is_not_found(tmp_path: Path) -> None:
    async with client_of(tmp_path) as client:
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


async def test_a_load_is_no_mere_question(tmp_path: Path) -> None:
    async with client_of(tmp_path) as client:
        assert (await client.get("/releases/digits_r1/load")).status_code == 405


@pytest.mark.parametrize("path", ["/", "/v2/health/ready", "/releases/digits_r1/files"])
async def test_there_is_nothing_else(tmp_path: Path, path: str) -> None:
    async with client_of(tmp_path) as client:
        assert (await client.get(path)).status_code == 404
        assert (await client.post("/status")).status_code == 405


async def test_with_a_secret_only_health_metrics_and_tritons_own_spans_are_open(
    tmp_path: Path,
) -> None:
    async with client_of(tmp_path, SecretStr("s3cret")) as client:
        for path in ("/livez", "/readyz", "/metrics"):
            assert (await client.get(path)).status_code != 401
        assert (await client.post("/v1/traces", json={"resourceSpans": []})).status_code != 401
        for path in ("/status", "/releases", "/repository", "/samples", "/traces/0"):
            refused = await client.get(path)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"] == "Bearer"
        for wrong in ("s3cre", "s3cret2", ""):
            headers = {"Authorization": f"Bearer {wrong}"}
            assert (await client.post("/restart", headers=headers)).status_code == 401
        headers = {"Authorization": "Bearer s3cret"}
        assert (await client.get("/status", headers=headers)).status_code == 200


async def test_metrics_tell_the_phase_and_each_release(tmp_path: Path) -> None:
    async with client_of(tmp_path) as client:
        answer = await client.get("/metrics")

    assert answer.status_code == 200
    assert 'triptych_supervisor_phase{phase="starting"} 1.0' in answer.text
    assert "triptych_supervisor_ready 0.0" in answer.text


async def test_drain_and_restart_before_the_start_is_over(tmp_path: Path) -> None:
    async with client_of(tmp_path) as client:
        drained = await client.post("/drain")
        assert (drained.status_code, drained.json()["phase"]) == (200, "starting")
        assert (await client.post("/undrain")).status_code == 200
        assert (await client.post("/restart")).status_code == 409


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "some-host"])  # noqa: S104 - refused
def test_a_supervisor_for_others_needs_a_secret(host: str) -> None:
    settings = StackSettings.model_validate({"supervisor_host": host})
    with pytest.raises(OptionInvalid, match="TRIPTYCH_SUPERVISOR_SECRET"):
        check_access(settings)
    check_access(settings.model_copy(update={"supervisor_secret": SecretStr("s3cret")}))
    for loopback in ("127.0.0.1", "::1", "localhost"):
        check_access(settings.model_copy(update={"supervisor_host": loopback}))


def test_a_secret_travels_to_the_supervisor_as_it_is_and_nothing_as_none() -> None:
    settings = StackSettings.model_validate({"supervisor_secret": "s3cret"})
    environment = settings.to_environment()

    assert environment["TRIPTYCH_SUPERVISOR_SECRET"] == "s3cret"
    assert "TRIPTYCH_SERVING_PYTHON" not in environment
    assert environment["TRIPTYCH_DRAIN_SECONDS"] == "1.5"


@pytest.mark.parametrize("header", ["Origin", "Sec-Fetch-Site"])
@pytest.mark.parametrize(
    "path", ["/drain", "/restart", "/releases/r_r2/load", "/releases/r_r2/unload"]
)
async def test_a_web_page_cannot_drain_restart_load_or_unload(
    tmp_path: Path, path: str, header: str
) -> None:
    headers = {header: "http://evil.example", "Content-Type": "text/plain"}
    async with client_of(tmp_path) as client:
        answer = await client.post(path, headers=headers)

    assert answer.status_code == 403
    assert "not for web pages" in answer.json()["error"]


def test_metrics_tell_how_full_shared_memory_is() -> None:
    told = SupervisorMetrics(lambda: SharedMemoryUse(regions=3, free=20, size=64)).exposition()

    for line in (b"regions_bytes 3.0", b"free_bytes 20.0", b"size_bytes 64.0"):
        assert b"\ntriptych_supervisor_shm_" + line in told
