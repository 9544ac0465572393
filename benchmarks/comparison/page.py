"""docs/performance.md: the words of a template around the tables and plots of the newest results.

python -m benchmarks.comparison.page [FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from string import Template
from typing import Any, Final

from benchmarks.comparison import tables
from benchmarks.comparison.aims import aims
from benchmarks.comparison.measurement import Measurement, read_csv
from benchmarks.comparison.stages import read_stages
from benchmarks.network_cache import NETWORKS

_PROJECT: Final = Path(__file__).resolve().parents[2]
_TEMPLATE: Final = Path(__file__).with_name("performance.template.md")
_RESULTS: Final = _PROJECT / "benchmarks" / "results"
PAGE: Final = _PROJECT / "docs" / "performance.md"
_TABLED_CLIENTS: Final = (1, 16)
_NOT_MEASURED: Final = "Not measured in this run."


def newest_results() -> Path | None:
    """The folder whose name, which begins with a date, is last; None where nothing is measured."""
    folders = sorted(file.parent for file in _RESULTS.glob("*/measurements.csv"))
    return folders[-1] if folders else None


def write_page(folder: Path, page: Path | None = None) -> Path:
    """Write the page of one folder of results; by default docs/performance.md."""
    page = page or PAGE
    page.write_text(to_markdown(folder, page))
    return page


def to_markdown(folder: Path, page: Path) -> str:
    """The page of one folder of results.

    Args:
        folder: With measurements.csv, startup.json, environment.json and plots.
        page: Where it will lie, for its links.
    """
    lines = read_csv(folder / "measurements.csv")
    starts = json.loads((folder / "startup.json").read_text())
    about = json.loads((folder / "environment.json").read_text())
    where = os.path.relpath(folder.resolve(), page.resolve().parent)
    parts = {
        "folder": where,
        "aims": tables.aims_table(aims(lines, starts)),
        "engines": _engines(lines, folder, where),
        "without_network": tables.without_network_table(lines),
        "ways": _ways(lines, folder, where),
        "batches": _batches(lines, folder, where),
        "sizes": _sizes(lines, folder, where),
        "stages": tables.stages_table(read_stages(folder / "stages.csv")),
        "starts": _starts(starts),
        "environment": _environment(about),
    }
    return Template(_TEMPLATE.read_text()).substitute(parts)


def _plot(folder: Path, where: str, name: str, words: str) -> list[str]:
    return [f"![{words}]({where}/{name}.png)", ""] if (folder / f"{name}.png").is_file() else []


def _ways(lines: list[Measurement], folder: Path, where: str) -> str:
    parts: list[str] = []
    for network in NETWORKS:
        of_network = [line for line in lines if line.network == network.name]
        for clients in _TABLED_CLIENTS:
            if any((it.series, it.clients) == ("ways", clients) for it in of_network):
                title = f"### {network.title}, {clients} client{'s' * (clients > 1)}"
                parts += [title, "", tables.ways_table(of_network, network.name, clients), ""]
        parts += _plot(folder, where, f"cpu-{network.name}", "CPU per picture")
        parts += _plot(folder, where, f"clients-{network.name}", "Throughput and latency")
        if any(line.series == "arrivals" for line in of_network):
            parts += [tables.arrivals_table(of_network, network.name), ""]
    return "\n".join(parts).strip()


def _engines(lines: list[Measurement], folder: Path, where: str) -> str:
    parts: list[str] = []
    for network in NETWORKS:
        if any((it.series, it.network) == ("engines", network.name) for it in lines):
            parts += [f"### {network.title}", ""]
            parts += _plot(folder, where, f"engines-{network.name}", "CPU per picture by engine")
            parts += [tables.engines_table(lines, network.name), ""]
    return "\n".join(parts).strip() or _NOT_MEASURED


def _batches(lines: list[Measurement], folder: Path, where: str) -> str:
    parts = _plot(folder, where, "batch", "CPU per picture by batch")
    for network in NETWORKS:
        if any((it.series, it.network) == ("batch", network.name) for it in lines):
            parts += [f"### {network.title}", "", tables.batch_table(lines, network.name), ""]
    return "\n".join(parts).strip() or _NOT_MEASURED


def _sizes(lines: list[Measurement], folder: Path, where: str) -> str:
    if not any(line.series == "image size" for line in lines):
        return _NOT_MEASURED
    plot = _plot(folder, where, "image-size", "CPU per picture by its size")
    return "\n".join([*plot, tables.size_table(lines)])


def _starts(starts: dict[str, Any]) -> str:
    parts = [tables.start_table(starts["starts"]), "", tables.memory_table(starts["footprints"])]
    return "\n".join([*parts, "", tables.process_table(starts["footprints"][-1])])


def _environment(about: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    before, after = about["before"], about["after"]
    rows = [
        ("load average", before["load_average"], after["load_average"]),
        ("SHA-256, MB/s", *(it["speed"]["sha256_mb_per_second"] for it in (before, after))),
        ("float32 products, GFLOP/s", *(it["speed"]["float32_gflops"] for it in (before, after))),
    ]
    stolen = after["stolen_seconds"] - before["stolen_seconds"]
    return "\n".join(
        [
            f"- {about['machine']}; cores used: {about['cores_used']}",
            f"- Python {about['python']}, {packages}",
            f"- {before['time']}, {about['minutes']} minutes, commit {about['commit']}",
            f"- CPU seconds that other guests of the host took meanwhile: {stolen}",
            "",
            tables.table(("machine", "before", "after"), [list(map(str, row)) for row in rows]),
        ]
    )


def main() -> None:
    """Write docs/performance.md again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="default: the newest results")
    folder = parser.parse_args().folder or newest_results()
    if folder is None:
        parser.error("there are no results; run: make bench")
    print(write_page(folder))  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
