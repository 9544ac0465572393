"""One real stack without UI for all integration tests of a session."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from benchmarks.local_stack import LocalStack, local_stack
from tests.word_votes import repository_with_words


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    folder = tmp_path_factory.mktemp("stack")
    repository = repository_with_words(folder / "models")
    with local_stack(folder / "state", repository, "--no-ui") as running:
        yield running


@pytest.fixture
def gateway(stack: LocalStack) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {stack.admin_key}"}
    with httpx.Client(
        base_url=stack.gateway_url, headers=headers, timeout=20, trust_env=False
    ) as client:
        yield client
