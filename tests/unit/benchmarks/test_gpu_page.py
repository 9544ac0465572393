from __future__ import annotations

import json
from pathlib import Path

from benchmarks.gpu_lines import CPU_DECODE, GPU_DECODE, LIMIT, Line, read_csv, write_csv
from benchmarks.gpu_page import PAGE, newest_results, to_markdown


def line(way: str, batch: int, rate: float, *, errors: int = 0) -> Line:
    return Line(way, batch, 4, 1000, errors, "INTERNAL" if errors else "", rate, 1.25, 2.5)


LINES = [
    line(LIMIT, 1, 1000.0),
    line(LIMIT, 64, 4000.0),
    line(CPU_DECODE, 1, 500.0),
    line(CPU_DECODE, 64, 1000.0, errors=3),
    line(GPU_DECODE, 64, 3000.0),
]


def results(folder: Path) -> Path:
    folder.mkdir(parents=True)
    write_csv(folder / "gpu.csv", LINES)
    (folder / "environment.json").write_text(json.dumps({"card": "NVIDIA of the test"}))
    return folder


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write_csv(tmp_path / "gpu.csv", LINES)

    assert read_csv(tmp_path / "gpu.csv") == LINES


def test_the_newest_results_are_those_of_the_last_date(tmp_path: Path) -> None:
    assert newest_results(tmp_path) is None
    results(tmp_path / "2026-11-23-nvidia-a")
    newest = results(tmp_path / "2026-12-01-nvidia-b")

    assert newest_results(tmp_path) == newest


def test_the_page_shows_each_way_beside_the_limit(tmp_path: Path) -> None:
    page = to_markdown(results(tmp_path / "2026-12-01-nvidia"))

    assert "- card: NVIDIA of the test" in page
    assert "| the bare network in a CUDA graph, no Triton | 1,000 | 4,000 |" in page
    assert "| ensemble, JPEGs decoded on the processor | 500 (50%) | 1,000 (25%) |" in page
    assert "| ensemble, JPEGs decoded on the card | - | 3,000 (75%) |" in page
    assert "| ensemble, JPEGs decoded on the card | - | 1.25 / 2.50 |" in page
    assert "- cpu-decode, batch 64: INTERNAL" in page


def test_without_results_the_page_says_so() -> None:
    assert "**Not run on a GPU.**" in to_markdown(None)


def test_the_committed_page_is_that_of_the_newest_results() -> None:
    assert PAGE.read_text() == to_markdown(newest_results())
