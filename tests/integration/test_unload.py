"""A release is unloaded from the real server once nobody asks it, and nothing of it is left."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from tests.integration.supervised_triton import Supervised, eight_clients, supervised
from tests.integration.test_desired_set import in_memory
from tests.integration.test_releases_command import copy_digits, write_like_digits
from tests.unit.triptych.waiting import wait_until
from triptych.release import sha256
from triptych.supervisor.stub_processes import find_stubs

# A stub costs 60 to 90 MB; what several share is shared out.
LEAST_BYTES, MOST_BYTES = 50_000_000, 600_000_000


def get(running: Supervised, path: str) -> dict[str, Any]:
    return dict(httpx.get(f"{running.url}{path}", trust_env=False, timeout=20).json())


def stub_models(running: Supervised) -> set[str]:
    return {stub.model for stub in find_stubs(running.triton_pid())}


def models_of(release: str) -> set[str]:
    return {release, *steps_of(release)}


def steps_of(release: str) -> set[str]:
    return {f"{release}_{step}" for step in ("preprocess", "model", "postprocess")}


def test_a_release_is_unloaded_when_it_is_quiet_and_stays_so_over_restarts(tmp_path: Path) -> None:
    repository = tmp_path / "models"
    copy_digits(repository)
    with supervised(tmp_path, repository, unload_quiet_seconds=1) as running:
        write_like_digits(repository, "digits", 2)
        assert get(running, "/repository")["releases"]["digits_r2"]["loaded"] is False
        assert running.post("/releases/digits_r2/load").status_code == 200
        assert_told(running, repository)

        with eight_clients(running.grpc) as load:
            wait_until(lambda: load.ok > 10)
            refused = running.post("/releases/digits_r1/unload")
            assert refused.status_code == 409
            assert refused.json()["error"].startswith("digits_r1 is in use: ")
            unloaded = running.post("/releases/digits_r2/unload").json()
            assert unloaded == {"release": "digits_r2", "loaded": False}
            assert stub_models(running) == steps_of("digits_r1")
            assert in_memory(running) == models_of("digits_r1")
        assert (load.wrong, load.failed.total()) == (0, 0)
        status = running.status()
        assert (status["ready"], set(status["releases"])) == (True, {"digits_r1"})
        assert status["restart_wanted"] is None  # nothing died, and nothing is left behind

        assert running.post("/releases/digits_r2/load").status_code == 200
        assert running.post("/releases/digits_r1/unload").status_code == 200
        os.kill(running.triton_pid(), signal.SIGKILL)
        running.wait(lambda: running.status()["starts"] == 2 and running.is_ready(), "restart")
        assert in_memory(running) == models_of("digits_r2")

    with supervised(tmp_path, repository, unload_quiet_seconds=1) as running:
        assert set(running.status()["releases"]) == {"digits_r2"}
        assert running.post("/releases/digits_r2/unload").status_code == 200
        assert_empty(running)
    with supervised(tmp_path, repository, unload_quiet_seconds=1) as running:
        assert_empty(running)
        assert running.post("/releases/digits_r1/load").json()["state"] == "ready"
        assert running.post("/releases/digits_r2/load").json()["state"] == "ready"
        assert running.is_ready()
        assert stub_models(running) == steps_of("digits_r1") | steps_of("digits_r2")


def assert_told(running: Supervised, repository: Path) -> None:
    """What a loaded release says of where it comes from and what it costs."""
    digest = sha256(repository / "digits_r2_model" / "1" / "model.onnx")
    releases, status = get(running, "/releases"), running.status()["releases"]["digits_r2"]
    on_disk = get(running, "/repository")["releases"]["digits_r2"]
    assert (status["model_sha256"], on_disk["model_sha256"]) == (digest, digest)
    assert (status["device"], status["semver"], on_disk["loaded"]) == ("cpu", None, True)
    assert LEAST_BYTES < releases["digits_r2"]["memory_bytes"] < MOST_BYTES


def assert_empty(running: Supervised) -> None:
    status = running.status()
    assert (status["ready"], status["releases"]) == (True, {})
    assert stub_models(running) == set()
    assert in_memory(running) == set()


def test_a_stub_that_dies_while_its_release_is_watched_is_healed_and_then_unloaded(
    tmp_path: Path,
) -> None:
    repository = tmp_path / "models"
    copy_digits(repository)
    with supervised(tmp_path, repository, unload_quiet_seconds=8, quiet_seconds=3600) as running:
        write_like_digits(repository, "digits", 2)
        assert running.post("/releases/digits_r2/load").status_code == 200
        with ThreadPoolExecutor() as pool:
            unload = pool.submit(running.post, "/releases/digits_r2/unload")
            os.kill(running.stub("digits_r2_model").pid, signal.SIGKILL)
            running.wait(lambda: bool(running.status()["heals"]), "heal")
            assert not unload.done()
            assert unload.result().status_code == 200
        assert stub_models(running) == steps_of("digits_r1")
        assert in_memory(running) == models_of("digits_r1")
        status = running.status()
        assert (status["ready"], status["starts"]) == (True, 1)
        assert (status["heals"][0]["release"], set(status["releases"])) == (
            "digits_r2",
            {"digits_r1"},
        )
