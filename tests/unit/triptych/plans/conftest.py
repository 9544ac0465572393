"""A release that may have a plan, the tools that build one, and a server that answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.fake_tensorrt import FakeTensorRt
from tests.fakes.fake_triton import FakeTriton, running_triton
from tests.unit.triptych.small_release import write_release_with_engines
from tests.unit.triptych.watched_supervisor import GOLDEN


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeTensorRt:
    tools = FakeTensorRt(tmp_path / "tools")
    monkeypatch.setenv("PATH", tools.path)
    write_release_with_engines(tmp_path / "models")
    (tmp_path / "state" / "backends" / "tensorrt").mkdir(parents=True)
    return tools


@pytest.fixture
def triton() -> Iterator[FakeTriton]:
    with running_triton() as triton:
        triton.answers.update(GOLDEN)
        yield triton
