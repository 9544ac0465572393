"""What a supervisor says of the releases on disk, and of what the loaded ones hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.fakes.fake_triton import running_triton
from tests.unit.triptych.nothing_observed import nothing_observed
from tests.unit.triptych.small_release import DRAFT, write, write_small_release
from tests.unit.triptych.waiting import wait_until
from tests.unit.triptych.watched_supervisor import GOLDEN, Watched, is_ready, watched
from triptych.release import sha256
from triptych.supervisor.api import create_supervisor_api
from triptych.supervisor.supervisor import Supervisor


@pytest.fixture
def api(tmp_path: Path) -> Iterator[tuple[Watched, TestClient]]:
    write(tmp_path / "models", replace(DRAFT, semver="1.4.0"))
    with running_triton() as triton:
        triton.answers.update(GOLDEN)
        with watched(tmp_path, triton, unload_quiet_seconds=0) as running:
            wait_until(is_ready(running))
            app = create_supervisor_api(running.supervisor, nothing_observed())
            with TestClient(app) as client:
                yield running, client


def wait_for_reason(supervisor: Supervisor, release: str) -> str:
    wait_until(lambda: supervisor.status().releases[release].reason is not None)
    return str(supervisor.status().releases[release].reason)


def test_new_folders_are_seen_without_a_restart(
    tmp_path: Path, api: tuple[Watched, TestClient]
) -> None:
    models = tmp_path / "models"
    client = api[1]
    assert set(client.get("/repository").json()["releases"]) == {"digits_r1"}
    write_small_release(models, "cats")
    write_small_release(models, "lost")
    (models / "lost_r1_postprocess" / "labels.txt").unlink()
    (write_small_release(models, "torn") / "release.json").write_text("{")

    told = client.get("/repository").json()

    assert set(told["releases"]) == {"digits_r1", "cats_r1"}
    assert told["releases"]["digits_r1"] == {
        "alias": "digits",
        "number": 1,
        "task": "image-classification",
        "promotable": True,
        "created": "2026-01-02T03:04:05+00:00",
        "semver": "1.4.0",
        "model_sha256": sha256(models / "digits_r1_model" / "1" / "model.onnx"),
        "size_bytes": told["releases"]["digits_r1"]["size_bytes"],
        "loaded": True,
    }
    assert told["releases"]["cats_r1"]["loaded"] is False
    assert told["releases"]["cats_r1"]["semver"] is None
    lost, torn = told["broken"]["lost_r1"], told["broken"]["torn_r1"]
    assert lost == "lost_r1 is incomplete: lost_r1_postprocess/labels.txt is missing."
    assert torn.startswith("torn_r1: release.json cannot be read")


def test_a_repository_that_is_gone_is_a_sentence(
    tmp_path: Path, api: tuple[Watched, TestClient]
) -> None:
    (tmp_path / "models").rename(tmp_path / "elsewhere")

    answer = api[1].get("/repository")

    assert answer.status_code == 409
    assert answer.json()["error"].startswith("There is no model repository at ")
    # What was loaded goes on: that nothing can be proven says nothing of the server.
    supervisor = api[0].supervisor
    told = wait_for_reason(supervisor, "digits_r1")
    assert told.startswith("a golden input cannot be read: ")
    assert (supervisor.status().ready, supervisor.status().starts) == (True, 1)
    (tmp_path / "elsewhere").rename(tmp_path / "models")
    wait_until(lambda: supervisor.status().releases["digits_r1"].reason is None)
    assert supervisor.status().releases["digits_r1"].heals == 0


def test_the_card_of_a_release_is_read_from_the_disk(api: tuple[Watched, TestClient]) -> None:
    client = api[1]

    told = client.get("/releases/digits_r1")

    assert (told.status_code, told.json()["semver"]) == (200, "1.4.0")
    assert client.get("/releases/digits_r9").status_code == 404
    assert client.get("/releases/nonsense").status_code == 404


def test_an_unload_is_answered_with_what_is_so_now(api: tuple[Watched, TestClient]) -> None:
    client = api[1]

    for _ in range(2):  # the second one finds it done
        done = client.post("/releases/digits_r1/unload")
        assert (done.status_code, done.json()) == (200, {"release": "digits_r1", "loaded": False})
    assert client.get("/repository").json()["releases"]["digits_r1"]["loaded"] is False
    assert client.get("/readyz").status_code == 200
    assert client.post("/releases/cats_r1/unload").status_code == 404
    assert client.post("/releases/cats/unload").status_code == 404
    assert client.get("/releases/digits_r1/unload").status_code == 405


def test_where_it_comes_from_stands_in_the_status(
    tmp_path: Path, api: tuple[Watched, TestClient]
) -> None:
    told = api[1].get("/status").json()["releases"]["digits_r1"]

    model = tmp_path / "models" / "digits_r1_model" / "1" / "model.onnx"
    assert (told["semver"], told["model_sha256"]) == ("1.4.0", sha256(model))
    assert told["device"] == "cpu"
    assert "memory_bytes" not in told


def test_a_release_whose_steps_are_no_processes_has_no_memory_of_its_own(
    api: tuple[Watched, TestClient],
) -> None:
    assert api[1].get("/releases").json()["digits_r1"]["memory_bytes"] is None
