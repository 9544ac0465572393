"""The real supervisor over a process that is no Triton and a server that answers for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.triptych.waiting import DEADLINE_SECONDS
from triptych.stack.serving_view import read_releases
from triptych.stack.settings import StackSettings
from triptych.stack.supervisor import Supervisor
from triptych.stack.supervisor_status import ReleaseState
from triptych.stack.triton_install import TritonInstall
from triptych.stack.triton_process import TritonProcess

GOLDEN = {b"picture of zero": ranked("0"), b"picture of one": ranked("1")}
STAYS = "exec sleep 60"


@dataclass
class Watched:
    """A supervisor, the process it believes to be Triton, and the server that answers for it."""

    supervisor: Supervisor
    process: TritonProcess
    triton: FakeTriton
    thread: threading.Thread

    def release(self, name: str = "digits_r1") -> ReleaseState:
        return self.supervisor.status().releases[name].state


@contextmanager
def watched(tmp_path: Path, triton: FakeTriton, binary: str = STAYS) -> Iterator[Watched]:
    """Run the real supervisor over a shell script in tritonserver's place."""
    script = tmp_path / "tritonserver"
    script.write_text(f"#!/bin/sh\n{binary}\n")
    script.chmod(0o755)
    settings = StackSettings.model_validate(
        {
            "state_dir": tmp_path / "state",
            "model_repository": tmp_path / "models",
            "triton_grpc_port": triton.address.rpartition(":")[2],
            "canary_interval_seconds": 0.01,
            "start_timeout_seconds": 10 * DEADLINE_SECONDS,
            "exit_timeout_seconds": 1,
        }
    )
    process = TritonProcess(TritonInstall(script, tmp_path, ""), tmp_path, settings)
    supervisor = Supervisor(process, read_releases(tmp_path / "models"), settings)
    thread = threading.Thread(target=supervisor.watch)
    thread.start()
    try:
        yield Watched(supervisor, process, triton, thread)
    finally:
        supervisor.stop()
        thread.join(DEADLINE_SECONDS)
        process.stop()
    assert not thread.is_alive()


def is_ready(running: Watched) -> Callable[[], bool]:
    return lambda: running.supervisor.status().ready


def is_not_ready(running: Watched) -> Callable[[], bool]:
    return lambda: not running.supervisor.status().ready
