"""A gateway that answers `triptych ...` as its script says."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.scripted_http import ScriptedServer, running_server
from tests.unit.triptych.command_line import Ended, run_triptych
from triptych.stack.stack_file import ServiceEntry, StackFile, TritonEntry, seconds_at_start


@dataclass
class ScriptedGateway:
    """The gateway, and a state folder that names it."""

    monkeypatch: pytest.MonkeyPatch
    state_dir: Path
    script: ScriptedServer

    def run(self, *arguments: object) -> Ended:
        return run_triptych(self.monkeypatch, *arguments, "--state-dir", self.state_dir)

    @property
    def last_body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.script.asked[-1].body)
        return body


@contextmanager
def scripted_gateway(monkeypatch: pytest.MonkeyPatch, state_dir: Path) -> Iterator[ScriptedGateway]:
    """Answers nothing until its script has answers."""
    with running_server() as script:
        (state_dir / "admin.key").write_text("k3y\n")
        triton = TritonEntry("http://t", "t:1", "http://t/metrics", "http://t", 1)
        started = seconds_at_start(os.getpid()) or 0.0
        service = ServiceEntry(script.url, 2)
        StackFile(os.getpid(), started, (triton,), service, ui=None).write(state_dir)
        yield ScriptedGateway(monkeypatch, state_dir, script)
