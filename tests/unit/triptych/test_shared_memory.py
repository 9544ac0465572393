from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from triptych.stack.shared_memory import region_prefix, remove_regions, shared_memory_use

SHM = Path("/dev/shm")  # noqa: S108 - where Triton's Python backend puts its regions


@pytest.fixture
def prefix() -> Iterator[str]:
    """A prefix that no real stack has; whatever a test leaves under it is removed."""
    mine = f"triptych_test_{secrets.token_hex(4)}_"
    yield mine
    for region in SHM.glob(f"{mine}*"):
        region.unlink()


def test_each_state_folder_has_a_prefix_of_its_own_however_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert region_prefix(tmp_path / "one") != region_prefix(tmp_path / "two")
    assert region_prefix(Path("one")) == region_prefix(tmp_path / "two" / ".." / "one")


def test_no_prefix_is_the_beginning_of_another(tmp_path: Path) -> None:
    prefixes = {region_prefix(tmp_path / str(number)) for number in range(50)}

    assert len({len(prefix) for prefix in prefixes}) == 1
    assert len(prefixes) == 50
    assert all(prefix.isascii() and "/" not in prefix for prefix in prefixes)


def test_only_regions_of_the_own_prefix_are_removed(prefix: str) -> None:
    mine = [SHM / f"{prefix}{name}" for name in ("a", "b")]
    neighbour = SHM / f"{prefix.removesuffix('_')}x_a"
    for region in (*mine, neighbour):
        region.touch()

    try:
        removed = remove_regions(prefix)

        assert removed == [region.name for region in mine]
        assert not any(region.exists() for region in mine)
        assert neighbour.exists()
    finally:
        neighbour.unlink()


def test_with_nothing_to_remove_nothing_happens(prefix: str) -> None:
    assert remove_regions(prefix) == []


def test_what_regions_take_is_told_in_pages_and_not_in_lengths(prefix: str) -> None:
    with (SHM / f"{prefix}region").open("wb") as region:
        region.write(bytes(1_000_000))
        os.ftruncate(region.fileno(), 50_000_000)  # Triton's regions are longer than what is used
    use = shared_memory_use(prefix)

    assert 1_000_000 <= use.regions < 1_100_000
    assert shared_memory_use(f"{prefix}x").regions == 0
    assert 0 < use.free <= use.size
