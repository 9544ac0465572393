"""`triptych worker`, and the worker as `up` starts it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from pydantic import SecretStr

from triptych.cli.main import main
from triptych.stack.services import gateway_service, worker_service
from triptych.stack.settings import StackSettings


class Replaced(BaseException):
    """The process would be another program now."""


def test_the_worker_knows_what_the_gateway_knows(tmp_path: Path) -> None:
    settings = StackSettings(state_dir=tmp_path, tritons=2, supervisor_secret=SecretStr("s3cret"))
    gateway, worker = gateway_service(settings), worker_service(settings)
    shared = ("TRITON_URLS", "SUPERVISOR_URLS", "SUPERVISOR_SECRET", "STATE_DIR")
    for name in shared:
        variable = f"GATEWAY_{name}"
        assert worker.environment[variable] == gateway.environment[variable]
    assert worker.environment["GATEWAY_TRITON_URLS"].count(",") == 1
    assert worker.command[1:] == ("-m", "gateway.worker")
    assert worker.ready_url is None
    assert worker.mark != gateway.mark


def test_the_command_becomes_the_worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[tuple[Sequence[str], Mapping[str, str]]] = []

    def execve(_file: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        seen.append((command, environment))
        raise Replaced

    monkeypatch.setattr(os, "execve", execve)
    options = ["--state-dir", str(tmp_path), "--triton-grpc-port", "9001"]
    monkeypatch.setattr("sys.argv", ["triptych", "worker", *options])
    with pytest.raises(Replaced):
        main()
    ((command, environment),) = seen
    assert list(command[1:]) == ["-m", "gateway.worker"]
    assert environment["GATEWAY_TRITON_URLS"] == "127.0.0.1:9001"
