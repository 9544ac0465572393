from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.fakes.scripted_http import ScriptedServer, as_json, running_server
from tests.unit.triptych.command_line import run_triptych
from triptych.errors import CallFailed, NotRunning, StartFailed
from triptych.stack.restarts import restart_gateway, restart_tritons, restart_ui
from triptych.stack.stack_file import ServiceEntry, StackFile, TritonEntry, seconds_at_start


def status(starts: int, *, is_ready: bool = True) -> dict[str, object]:
    return {"ready": is_ready, "instance": "one", "starts": starts, "triton": {"pid": 1}}


class Tritons:
    """Two supervisors; one that drains has started anew by the next question."""

    def __init__(self, servers: list[ScriptedServer]) -> None:
        self.servers = servers
        self.said: list[str] = []
        for server in servers:
            server.answers = {"/status": as_json(status(1)), "/restart": as_json({}, 202)}

    @property
    def stack(self) -> StackFile:
        entries = tuple(TritonEntry("h", "g", "m", it.url, 1) for it in self.servers)
        started = seconds_at_start(os.getpid()) or 0.0
        return StackFile(os.getpid(), started, entries, ServiceEntry("http://g", 2), None)

    def restart(self, *places: int, patience_seconds: float = 5.0) -> None:
        restart_tritons(self.stack, places, self.hear, patience_seconds, {"x-secret": "s"})

    def hear(self, sentence: str) -> None:
        self.said.append(sentence)
        if found := re.match(r"Triton (\d) drains", sentence):
            self.servers[int(found[1])].answers["/status"] = as_json(status(2))


@pytest.fixture
def tritons() -> Iterator[Tritons]:
    with ExitStack() as stack:
        yield Tritons([stack.enter_context(running_server()) for _ in range(2)])


def restarted(server: ScriptedServer) -> bool:
    return any((it.method, it.path) == ("POST", "/restart") for it in server.asked)


def test_tritons_are_restarted_one_after_the_other(tritons: Tritons) -> None:
    tritons.restart(0, 1)

    assert [it.partition(" after ")[0] for it in tritons.said] == [
        "Triton 0 drains and ends",
        "Triton 0 is ready again",
        "Triton 1 drains and ends",
        "Triton 1 is ready again",
    ]
    assert all(map(restarted, tritons.servers))
    assert {it.headers["x-secret"] for it in tritons.servers[0].asked} == {"s"}


def test_one_that_does_not_come_back_ends_it_and_the_others_go_on(tritons: Tritons) -> None:
    tritons.hear = tritons.said.append  # type: ignore[method-assign,assignment]  # nothing changes any more

    with pytest.raises(StartFailed, match="Triton 0 did not come back"):
        tritons.restart(0, 1, patience_seconds=0.3)

    assert not restarted(tritons.servers[1])


def test_none_is_restarted_while_another_is_not_ready(tritons: Tritons) -> None:
    tritons.servers[1].answers["/status"] = as_json(status(1, is_ready=False))

    with pytest.raises(StartFailed, match="Triton 0 was not restarted, because another one"):
        tritons.restart(0, patience_seconds=0.3)

    assert not restarted(tritons.servers[0])


def test_a_supervisor_that_refuses_or_is_silent_is_told(tritons: Tritons) -> None:
    tritons.servers[0].answers["/restart"] = as_json({"error": "one is under way"}, 409)
    with pytest.raises(CallFailed, match="Triton 0 is not restarted: one is under way"):
        tritons.restart(0)
    del tritons.servers[0].answers["/restart"]
    with pytest.raises(CallFailed, match="its supervisor answers 404"):
        tritons.restart(0)
    del tritons.servers[0].answers["/status"]
    with pytest.raises(CallFailed, match="does not answer"):
        tritons.restart(0)


def test_the_command_restarts_one_or_all(
    tritons: Tritons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tritons.stack.write(tmp_path)

    missing = run_triptych(monkeypatch, "restart", "triton", "--only", "2", "--state-dir", tmp_path)

    assert missing.exit_code == 1
    assert "--only 2: there are 2 Tritons" in missing.errors
    tritons.servers[1].answers["/restart"] = as_json({"error": "not now"}, 409)
    refused = run_triptych(monkeypatch, "restart", "triton", "--only", "1", "--state-dir", tmp_path)
    assert refused.exit_code == 1
    assert "Triton 1 is not restarted: not now" in refused.errors
    assert not restarted(tritons.servers[0])


def test_parts_that_are_not_there_cannot_be_restarted(tritons: Tritons, tmp_path: Path) -> None:
    nobody = StackFile(1, 0.0, tritons.stack.tritons, ServiceEntry("http://g", 2**22 + 1), None)
    with pytest.raises(NotRunning, match="The gateway is not there"):
        restart_gateway(nobody, tritons.hear, 1)
    with pytest.raises(NotRunning, match="--no-ui"):
        restart_ui(tmp_path, nobody, tritons.hear, 1)


def test_a_gateway_that_keeps_its_workers_is_told(tritons: Tritons) -> None:
    script = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGHUP, signal.SIG_IGN);"
        "subprocess.Popen(['sleep', '60']); print(flush=True); time.sleep(60)"
    )
    with psutil.Popen([sys.executable, "-c", script], stdout=-1) as parent:
        parent.stdout.readline()
        gateway = ServiceEntry("http://g", parent.pid)
        stack = StackFile(1, 0.0, tritons.stack.tritons, gateway, None)
        with pytest.raises(StartFailed, match="has kept an old worker"):
            restart_gateway(stack, tritons.hear, 0.2)
        for child in parent.children():
            child.kill()
        parent.kill()
