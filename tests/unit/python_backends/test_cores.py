from __future__ import annotations

from pathlib import Path

import pytest

from python_backends.shared.cores import engine_threads, usable_cores
from tests.fakes.fake_cores import fake_cores


def test_without_a_limit_the_cores_are_those_that_the_process_may_run_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake_cores(monkeypatch, 4)

    assert usable_cores() == 4


@pytest.mark.parametrize(
    ("limit", "cores"),
    [
        ("max 100000\n", 4),
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),
        ("20000 100000\n", 1),
        ("6400000 100000\n", 4),
    ],
)
def test_a_container_has_no_more_cores_than_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, cores: int
) -> None:
    (tmp_path / "cpu.max").write_text(limit)
    fake_cores(monkeypatch, 4, tmp_path / "cpu.max")

    assert usable_cores() == cores


@pytest.mark.parametrize(
    ("asked", "instances", "threads"),
    [(0, 1, 4), (0, 2, 2), (0, 3, 1), (0, 8, 1), (1, 1, 1), (6, 2, 6)],
)
def test_all_cores_are_shared_by_the_instances_and_a_number_is_that_number(
    monkeypatch: pytest.MonkeyPatch, asked: int, instances: int, threads: int
) -> None:
    fake_cores(monkeypatch, 4)

    assert engine_threads(asked, instances) == threads
