"""Three images and three containers, once for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.containers.images import NAMES, build, make_base
from tests.containers.three_containers import Stack, three_containers


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """Seconds that each took to build."""
    folder = tmp_path_factory.mktemp("images")
    make_base(folder)
    return {name: build(name, folder) for name in NAMES}


@pytest.fixture(scope="session")
def stack(images: dict[str, float], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    assert set(images) == set(NAMES)
    with three_containers(tmp_path_factory.mktemp("stack")) as running:
        yield running
