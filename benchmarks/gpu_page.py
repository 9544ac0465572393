"""docs/gpu-performance.md: the words of a template around the newest results of a card.

python -m benchmarks.gpu_page
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Final

from benchmarks.comparison.tables import table
from benchmarks.gpu_lines import LIMIT, WAYS, Line, read_csv

_PROJECT: Final = Path(__file__).resolve().parents[1]
_TEMPLATE: Final = Path(__file__).with_name("gpu.template.md")
RESULTS: Final = _PROJECT / "benchmarks" / "results" / "gpu"
PAGE: Final = _PROJECT / "docs" / "gpu-performance.md"
_NOT_RUN: Final = (
    "**Not run on a GPU.** No machine with a card was at hand, so there are no figures here. "
    "`make bench-gpu` on one puts them in this place."
)


def newest_results(results: Path = RESULTS) -> Path | None:
    """The folder whose name, which begins with a date, is last; None where nothing is measured."""
    folders = sorted(file.parent for file in results.glob("*/gpu.csv"))
    return folders[-1] if folders else None


def to_markdown(folder: Path | None) -> str:
    """The page of one folder of results, or of none."""
    figures = _NOT_RUN if folder is None else _figures(folder)
    return Template(_TEMPLATE.read_text()).substitute(figures=figures)


def _figures(folder: Path) -> str:
    lines = read_csv(folder / "gpu.csv")
    about = json.loads((folder / "environment.json").read_text())
    parts = [f"- {name}: {value}" for name, value in about.items()]
    parts += ["", "Images per second, and in brackets the share of the limit:", "", _rates(lines)]
    parts += ["", "Milliseconds of a batch, p50 / p99:", "", _times(lines)]
    failed = [f"- {it.way}, batch {it.batch}: {it.first_error}" for it in lines if it.errors]
    return "\n".join([*parts, *(["", "Errors:", "", *failed] if failed else [])])


def _rates(lines: Sequence[Line]) -> str:
    limits = {it.batch: it.images_per_second for it in lines if it.way == LIMIT}

    def cell(line: Line) -> str:
        share = "" if line.way == LIMIT else f" ({line.images_per_second / limits[line.batch]:.0%})"
        return f"{line.images_per_second:,.0f}{share}"

    return _by_batch(lines, {(it.way, it.batch): cell(it) for it in lines})


def _times(lines: Sequence[Line]) -> str:
    cells = {(it.way, it.batch): f"{it.p50_ms:.2f} / {it.p99_ms:.2f}" for it in lines}
    return _by_batch(lines, cells)


def _by_batch(lines: Sequence[Line], cells: dict[tuple[str, int], str]) -> str:
    batches = sorted({it.batch for it in lines})
    measured = [way for way in WAYS if any(it.way == way for it in lines)]
    rows = [[WAYS[way], *(cells.get((way, size), "-") for size in batches)] for way in measured]
    return table(("batch", *map(str, batches)), rows)


def main() -> None:
    """Write docs/gpu-performance.md again."""
    PAGE.write_text(to_markdown(newest_results()))


if __name__ == "__main__":
    main()
