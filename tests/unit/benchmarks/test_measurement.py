from __future__ import annotations

import math
from pathlib import Path

import pytest

from benchmarks.comparison.measurement import read_csv, write_csv
from benchmarks.comparison.measuring import held_against
from tests.unit.benchmarks.lines import floor, line


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    lines = [line(), line(errors=3, first_error='503, "overloaded"\nnow', clients=1)]

    write_csv(tmp_path / "m.csv", lines)

    assert read_csv(tmp_path / "m.csv") == lines


def test_what_is_not_known_stays_unknown(tmp_path: Path) -> None:
    write_csv(tmp_path / "m.csv", [line(p50_ms=float("nan"))])

    assert math.isnan(read_csv(tmp_path / "m.csv")[0].p50_ms)


def test_a_file_without_a_column_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("series,network\nways,tiny\n")

    with pytest.raises(KeyError):
        read_csv(tmp_path / "m.csv")


def test_a_line_is_held_against_the_floors_around_it() -> None:
    (held,) = held_against([line(cpu_ms_per_image=6.0)], floor(3.0), floor(5.0))

    assert held.floor_cpu_ms_per_image == 4.0
    assert held.ratio == 1.5
