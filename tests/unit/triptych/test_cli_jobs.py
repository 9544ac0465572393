"""`triptych jobs`: list, show, cancel, results."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.scripted_http import Answer, as_json
from tests.unit.triptych.client.fake_jobs import ID, JOB
from tests.unit.triptych.command_line import Ended, assert_one_sentence
from tests.unit.triptych.scripted_gateway import ScriptedGateway, scripted_gateway

RUNNING = {**JOB, "state": "receiving", "is_whole": False, "ended_at": None, "seconds_left": 9.24}
FAILED = {**JOB, "state": "failed", "sentence": "the alias is gone", "per_second": None}


class Gateway(ScriptedGateway):
    """Has jobs."""

    def jobs(self, *arguments: object) -> Ended:
        return self.run("jobs", *arguments)


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Gateway]:
    with scripted_gateway(monkeypatch, tmp_path) as known:
        known.script.answers = {
            "/v1/jobs?limit=50": as_json({"jobs": [RUNNING, FAILED]}),
            "/v1/jobs?limit=1": as_json({"jobs": []}),
            f"/v1/jobs/{ID}": as_json(FAILED),
            f"/v1/jobs/{ID}/results?format=csv": Answer(b"index\r\n0\r\n1\r\n2\r\n"),
        }
        yield Gateway(monkeypatch, tmp_path, known.script)


def test_jobs_are_listed(gateway: Gateway) -> None:
    header, running, failed = gateway.jobs("list").output.splitlines()

    assert header.split()[:6] == ["JOB", "ALIAS", "STATE", "DONE", "REFUSED", "PER-SECOND"]
    assert " ".join(running.split()) == f"{ID} digits receiving 3/3+ 1 812 9s 2026-11-23 12:00:00"
    assert failed.split()[2:7] == ["failed", "3/3", "1", "-", "-"]
    assert failed.endswith("the alias is gone")
    assert json.loads(gateway.jobs("list", "--json").output) == [RUNNING, FAILED]
    assert len(gateway.jobs("list", "--limit", 1).output.splitlines()) == 1


def test_one_job_is_shown(gateway: Gateway) -> None:
    said = gateway.jobs("show", ID).output

    assert "state    failed: the alias is gone\n" in said
    assert "done     3/3, 1 refused\n" in said
    assert "ended    2026-11-23 12:00:09\n" in said
    assert json.loads(gateway.jobs("show", ID, "--json").output) == FAILED


def test_a_job_of_a_source_that_goes_on_is_shown(gateway: Gateway) -> None:
    listed = {**RUNNING, "source": {"source": "photos", "prefix": "2026/"}, "webhook": "https://x"}
    gateway.script.answers[f"/v1/jobs/{ID}"] = as_json(listed)

    said = gateway.jobs("show", ID).output

    assert "source   photos:2026/\n" in said
    assert "webhook  https://x\n" in said
    assert "state    receiving\n" in said
    assert "ended    -\n" in said


def test_a_job_is_cancelled(gateway: Gateway) -> None:
    assert ID in gateway.jobs("cancel", ID).output
    assert gateway.script.asked[-1].method == "DELETE"


def test_results_go_to_the_terminal_or_to_a_file(gateway: Gateway, tmp_path: Path) -> None:
    assert gateway.jobs("results", ID).output == "index\r\n0\r\n1\r\n2\r\n"
    assert gateway.jobs("results", ID, "-o", tmp_path / "x.csv").output == ""
    assert (tmp_path / "x.csv").read_bytes() == b"index\r\n0\r\n1\r\n2\r\n"


def test_a_job_that_nobody_knows_is_one_sentence(gateway: Gateway) -> None:
    error = {"code": "unknown_job", "message": "there is no job 'x'", "request_id": "r"}
    gateway.script.answers["/v1/jobs/x"] = as_json({"error": error}, status=404)

    assert_one_sentence(gateway.jobs("show", "x"), "there is no job 'x'", "unknown_job")
