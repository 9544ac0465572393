"""Two releases of one alias, that agree on a seven."""

from __future__ import annotations

import pytest

from tests.fakes.fake_supervisor import FakeSupervisor, a_release
from tests.fakes.fake_triton import FakeTriton, ranked


@pytest.fixture(autouse=True)
def two_releases(supervisor: FakeSupervisor, triton: FakeTriton) -> None:
    supervisor.releases = [a_release("digits", 1), a_release("digits", 2)]
    triton.answers[b"seven"] = ranked("7", "1")
