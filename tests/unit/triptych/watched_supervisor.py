"""The real supervisor over a process that is no Triton and a server that answers for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.triptych.waiting import DEADLINE_SECONDS
from triptych.stack.serving_view import read_served_releases
from triptych.stack.settings import StackSettings
from triptych.stack.triton_install import TritonInstall
from triptych.stack.triton_process import TritonProcess
from triptych.supervisor.desired_set import DesiredSet
from triptych.supervisor.status import ReleaseState
from triptych.supervisor.supervisor import Supervisor

GOLDEN = {b"picture of zero": ranked("0"), b"picture of one": ranked("1")}
STAYS = "exec sleep 60"


@dataclass
class Watched:
    """A supervisor, the process it believes to be Triton, and the server that answers for it."""

    supervisor: Supervisor
    triton: FakeTriton
    thread: threading.Thread
    started: list[TritonProcess] = field(default_factory=list)

    @property
    def process(self) -> TritonProcess:
        """The one that runs now."""
        return self.started[-1]

    def release(self, name: str = "digits_r1") -> ReleaseState:
        return self.supervisor.status().releases[name].state


@contextmanager
def watched(
    tmp_path: Path, triton: FakeTriton, binary: str = STAYS, **more: object
) -> Iterator[Watched]:
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
            "drain_seconds": 0,
            "restart_backoff_seconds": 0.05,
            **more,
        }
    )
    started: list[TritonProcess] = []

    def start() -> TritonProcess:
        started.append(TritonProcess(TritonInstall(script, tmp_path, ""), tmp_path, settings))
        return started[-1]

    by_hand = DesiredSet(settings.desired_file).read()
    supervisor = Supervisor(start, read_served_releases(tmp_path / "models", by_hand), settings)
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    try:
        yield Watched(supervisor, triton, thread, started)
    finally:
        supervisor.stop()
        thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()
    assert all(process.child.exit_code() is not None for process in started)


def is_ready(running: Watched) -> Callable[[], bool]:
    return lambda: running.supervisor.status().ready


def is_not_ready(running: Watched) -> Callable[[], bool]:
    return lambda: not running.supervisor.status().ready
