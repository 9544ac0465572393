from __future__ import annotations

from pathlib import Path

from benchmarks.comparison.plots import write_plots
from tests.unit.benchmarks.lines import floor, line


def test_a_network_that_was_asked_with_one_size_of_batch_is_left_out_of_the_plot(
    tmp_path: Path,
) -> None:
    ways = [floor(4.0), line()]
    one = [line(series="batch", way="direct gRPC to Triton", batch=8)]
    two = [line(series="batch", way="direct gRPC to Triton", batch=it) for it in (8, 32)]

    without = [file.name for file in write_plots(tmp_path, [*ways, *one])]
    with_line = [file.name for file in write_plots(tmp_path, [*ways, *two])]

    assert "batch.png" not in without
    assert "batch.png" in with_line
