"""One real stack without UI for all integration tests of a session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from benchmarks.local_stack import LocalStack, local_stack

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    state_dir = tmp_path_factory.mktemp("state")
    with local_stack(state_dir, PROJECT / "model_repository", "--no-ui") as running:
        yield running


@pytest.fixture
def gateway(stack: LocalStack) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {stack.admin_key}"}
    with httpx.Client(
        base_url=stack.gateway_url, headers=headers, timeout=20, trust_env=False
    ) as client:
        yield client
