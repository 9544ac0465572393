"""A tritonserver that is started and cannot be asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.certificates import Authority, as_settings
from triptych.errors import StartFailed
from triptych.stack.settings import StackSettings
from triptych.stack.triton_install import TritonInstall
from triptych.stack.triton_process import TritonProcess
from triptych.supervisor.metrics import SupervisorMetrics
from triptych.supervisor.server_keeper import ServerKeeper
from triptych.supervisor.status_board import StatusBoard
from triptych.supervisor.stub_watch import StubWatch


def test_a_certificate_that_is_away_is_a_start_that_failed(tmp_path: Path) -> None:
    """The supervisor waits and tries again; it ended, and Triton with it."""
    tls = Authority(tmp_path / "tls").issue("triton")
    settings = StackSettings.model_validate(
        {"state_dir": tmp_path / "state", **as_settings("triton_tls", tls)}
    )
    script = tmp_path / "tritonserver"
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    script.chmod(0o755)
    started: list[TritonProcess] = []

    def start() -> TritonProcess:
        started.append(TritonProcess(TritonInstall(script, tmp_path, ""), tmp_path, settings))
        tls.ca_file.unlink()
        return started[-1]

    board = StatusBoard(SupervisorMetrics())
    watch = StubWatch(lambda _: None, lambda: None)
    keeper = ServerKeeper(start, board, watch, settings)

    with pytest.raises(StartFailed, match=r"Triton cannot be asked: .*ca\.pem"):
        keeper.start(lambda _: None)
    assert started[0].child.exit_code() is not None
