"""The kernel as python_backends/shared/cores.py sees it: another number of cores."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

_NO_FILE: Final = Path("/nowhere/cpu.max")


def fake_cores(monkeypatch: pytest.MonkeyPatch, count: int, cpu_max: Path = _NO_FILE) -> None:
    """Let this process run on `count` cores; `cpu_max` is the limit of its container, if any."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(count)))
    monkeypatch.setattr("python_backends.shared.cores.CPU_MAX", cpu_max)
