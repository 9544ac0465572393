"""Table and plot of a perf_analyzer run, with what it was measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import astuple
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure

from benchmarks.measurement import Measurement

_COLUMNS: Final = ("concurrency", "images/s", "p50 ms", "p90 ms", "p99 ms", "server CPU ms/image")
_VERSIONS: Final = ("nvidia-pytriton", "onnxruntime", "openvino", "simplejpeg", "pillow", "numpy")


def machine() -> str:
    """Processor, cores and system."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2] for line in lines if line.startswith("model name")), "?")
    return f"{model.strip()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"


def commit() -> str:
    """The commit that was measured, marked where the tree had changes."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"], check=False, capture_output=True, text=True
    )
    return described.stdout.strip() or "unknown"


def footnotes() -> list[str]:
    """What was measured, on what and when."""
    versions = ", ".join(f"{name} {version(name)}" for name in _VERSIONS)
    return [
        f"- Machine: {machine()}",
        f"- Versions: Python {platform.python_version()}, {versions}",
        f"- Date: {datetime.now(UTC).date().isoformat()}, commit {commit()}",
    ]


def to_markdown(subject: str, measurements: Sequence[Measurement]) -> str:
    """The report as it is committed."""
    rows = [
        f"| {count} | " + " | ".join(f"{value:.2f}" for value in values) + " |"
        for count, *values in map(astuple, measurements)
    ]
    return "\n".join(
        [
            "# perf_analyzer",
            "",
            f"{subject}. Client and server share the machine. "
            "Written by `python -m benchmarks.perf_analyzer`.",
            "",
            "| " + " | ".join(_COLUMNS) + " |",
            "| " + " | ".join("---:" for _ in _COLUMNS) + " |",
            *rows,
            "",
            "![Throughput and latency](perf_analyzer.png)",
            "",
            *footnotes(),
            "- perf_analyzer 2.51.0",
            "",
        ]
    )


def plot(subject: str, measurements: Sequence[Measurement]) -> Figure:
    """Throughput as bars, latency as lines, over concurrency."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    throughput, latency = figure.subplots(1, 2)
    names = [str(item.concurrency) for item in measurements]
    bars = throughput.bar(names, [item.images_per_second for item in measurements], color="#4c78a8")
    throughput.bar_label(bars, fmt="%.0f")
    throughput.set(xlabel="requests in flight", ylabel="images per second", title="Throughput")
    for field, style in (("p50_ms", "o-"), ("p90_ms", "s--"), ("p99_ms", "^:")):
        values = [getattr(item, field) for item in measurements]
        latency.plot(names, values, style, label=field.removesuffix("_ms"))
    latency.set(xlabel="requests in flight", ylabel="milliseconds", title="Latency", ylim=(0, None))
    latency.legend()
    figure.suptitle(subject, fontsize="medium")
    return figure


def write_report(folder: Path, subject: str, measurements: Sequence[Measurement]) -> None:
    """Write perf_analyzer.md and perf_analyzer.png, and show the table."""
    folder.mkdir(parents=True, exist_ok=True)
    text = to_markdown(subject, measurements)
    (folder / "perf_analyzer.md").write_text(text)
    plot(subject, measurements).savefig(folder / "perf_analyzer.png", dpi=120)
    print(text)  # noqa: T201 - the answer of `make bench`
