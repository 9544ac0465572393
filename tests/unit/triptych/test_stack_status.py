from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.scripted_http import Answer, ScriptedServer, as_json, running_server
from triptych.errors import NotRunning
from triptych.stack.stack_file import (
    ProcessEntry,
    ServiceEntry,
    StackFile,
    TritonEntry,
    seconds_at_start,
)
from triptych.stack.stack_status import PartStatus, read_status

SINCE = "2026-01-02T03:04:05.678Z"
RELEASES = {"digits_r1": {"state": "ready", "last_canary": SINCE, "canary_ms": 3.5}}


@dataclass
class Parts:
    supervisor: ScriptedServer
    gateway: ScriptedServer
    ui: ScriptedServer

    def write(
        self, state_dir: Path, *, with_ui: bool = True, worker: ProcessEntry | None = None
    ) -> None:
        """Say in the state folder that these run, owned by this very process."""
        triton = TritonEntry("http://t", "t", "http://t/metrics", self.supervisor.url, pid=1)
        StackFile(
            pid=os.getpid(),
            started=seconds_at_start(os.getpid()) or 0.0,
            tritons=(triton,),
            gateway=ServiceEntry(self.gateway.url, 2),
            ui=ServiceEntry(self.ui.url, 3) if with_ui else None,
            worker=worker,
        ).write(state_dir)


@pytest.fixture
def parts() -> Iterator[Parts]:
    """Three parts that all say they are ready."""
    with running_server() as supervisor, running_server() as gateway, running_server() as ui:
        ready = as_json({"ready": True, "since": SINCE, "reason": None})
        supervisor.answers = {"/readyz": ready, "/releases": as_json(RELEASES)}
        gateway.answers = {"/readyz": ready}
        ui.answers = {"/_stcore/health": Answer(b"ok")}
        yield Parts(supervisor, gateway, ui)


def test_a_stack_is_ready_when_each_part_says_so_itself(parts: Parts, tmp_path: Path) -> None:
    parts.write(tmp_path)

    status = read_status(tmp_path)

    assert status.is_ready
    assert [(part.name, part.url) for part in status.parts] == [
        ("triton", parts.supervisor.url),
        ("gateway", parts.gateway.url),
        ("ui", parts.ui.url),
    ]
    assert status.releases == RELEASES
    assert status.to_json()["ready"] is True


def test_a_stack_without_ui_has_two_parts(parts: Parts, tmp_path: Path) -> None:
    parts.write(tmp_path, with_ui=False)

    assert [part.name for part in read_status(tmp_path).parts] == ["triton", "gateway"]


def test_a_part_that_is_not_ready_says_since_when_and_why(parts: Parts, tmp_path: Path) -> None:
    body = {"ready": False, "since": SINCE, "reason": "digits_r1: wrong"}
    parts.supervisor.answers["/readyz"] = as_json(body, status=503)
    parts.write(tmp_path)

    status = read_status(tmp_path)

    assert not status.is_ready
    assert status.parts[0] == PartStatus(
        "triton", parts.supervisor.url, is_ready=False, since=SINCE, reason="digits_r1: wrong"
    )
    assert status.parts[1].is_ready


def test_parts_that_do_not_answer_are_told_and_the_others_still_asked(
    parts: Parts, tmp_path: Path
) -> None:
    parts.supervisor.url = parts.ui.url = "http://127.0.0.1:1"
    parts.write(tmp_path)

    status = read_status(tmp_path)

    assert [part.is_ready for part in status.parts] == [False, True, False]
    assert (status.parts[0].reason or "").startswith("no answer: ")
    assert status.releases == {}


def test_a_worker_is_ready_as_long_as_its_process_is_there(parts: Parts, tmp_path: Path) -> None:
    parts.write(tmp_path, worker=ProcessEntry(os.getpid(), restarts=2))
    assert read_status(tmp_path).parts[2] == PartStatus("worker", "", True, None, None, 2)

    gone = subprocess.Popen(["true"])
    gone.wait()
    parts.write(tmp_path, worker=ProcessEntry(gone.pid))
    status = read_status(tmp_path)
    assert not status.is_ready
    assert status.parts[2].reason == f"process {gone.pid} is gone; it is started again"


def test_with_nothing_running_there_is_no_status(tmp_path: Path) -> None:
    with pytest.raises(NotRunning):
        read_status(tmp_path)
