from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from triptych.errors import NotRunning, StartFailed
from triptych.stack.background import start_detached, stop_detached
from triptych.stack.settings import StackSettings
from triptych.stack.stack_file import ServiceEntry, StackFile, TritonEntry, seconds_at_start
from triptych.stack.state_lock import state_lock


def free_ports() -> list[str]:
    options = StackSettings().ports(with_ui=True)
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in options]
    ports = [str(server.getsockname()[1]) for server in servers]
    for server in servers:
        server.close()
    return [part for pair in zip(options, ports, strict=True) for part in pair]


@contextmanager
def stack_of(state_dir: Path, script: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that the state folder believes to be `triptych up`."""
    with subprocess.Popen(["/bin/sh", "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        StackFile(
            pid=process.pid,
            started=seconds_at_start(process.pid) or 0.0,
            tritons=(TritonEntry("http://t", "t", "http://m", "http://s", 1),),
            gateway=ServiceEntry("http://g", 2),
            ui=None,
        ).write(state_dir)
        try:
            yield process
        finally:
            process.kill()


def test_a_start_in_the_background_that_fails_is_told_with_its_own_sentence(
    tmp_path: Path,
) -> None:
    arguments = ["--state-dir", str(tmp_path), "--model-repository", str(tmp_path / "absent")]

    with pytest.raises(StartFailed, match=r"^There is no model repository at .*absent") as caught:
        start_detached([*arguments, *free_ports()], tmp_path, timeout_seconds=60)

    assert "Error:" not in str(caught.value)
    assert "no model repository" in (tmp_path / "logs" / "up.log").read_text()


def test_a_start_in_the_background_that_takes_too_long_is_stopped_again(tmp_path: Path) -> None:
    before = set(psutil.Process().children())

    with pytest.raises(StartFailed, match=r"not ready within 0 s; see .*up\.log"):
        start_detached(["--state-dir", str(tmp_path)], tmp_path, timeout_seconds=0.01)

    assert set(psutil.Process().children()) <= before


def test_a_running_stack_is_stopped_and_waited_for(tmp_path: Path) -> None:
    with stack_of(tmp_path, "trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done") as process:
        stop_detached(tmp_path, timeout_seconds=10)

        assert not psutil.pid_exists(process.pid)


def test_a_stack_that_does_not_end_in_time_is_told(tmp_path: Path) -> None:
    deaf = "trap '' TERM; echo up; while :; do sleep 0.01; done"

    with (
        stack_of(tmp_path, deaf) as process,
        pytest.raises(StartFailed, match=rf"\(pid {process.pid}\) does not stop"),
    ):
        stop_detached(tmp_path, timeout_seconds=0.05)


def test_with_nothing_running_there_is_nothing_to_stop(tmp_path: Path) -> None:
    with pytest.raises(NotRunning):
        stop_detached(tmp_path, timeout_seconds=1)


def test_a_start_that_is_refused_keeps_the_log_of_the_stack_that_runs(tmp_path: Path) -> None:
    with state_lock(tmp_path):
        (tmp_path / "logs").mkdir()
        (tmp_path / "logs" / "up.log").write_text("what the running one said\n")
        with pytest.raises(StartFailed, match="already runs"):
            start_detached(["--state-dir", str(tmp_path), *free_ports()], tmp_path, 60)

    assert "what the running one said" in (tmp_path / "logs" / "up.log").read_text()
