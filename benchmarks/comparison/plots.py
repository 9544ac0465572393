"""The measurements as pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from benchmarks.comparison.measurement import Measurement
from benchmarks.comparison.tables import floor_cpu_ms
from benchmarks.comparison.ways import DIRECT, FLOOR, MULTIPART, NAIVE, RAW
from benchmarks.network_cache import NETWORKS

_DPI: Final = 110
_MEGAPIXEL: Final = 1e6
_FAR_MORE: Final = 5  # times the floor
_ROOM_FOR_TEXT: Final = 1.85
_OTHER: Final = "#72b7b2"
# On white, or the line of the floor would go through the figures.
_BESIDE_BAR: Final[dict[str, Any]] = {
    "xytext": (5, 0),
    "textcoords": "offset points",
    "va": "center",
    "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 1},
}
# One colour per way, the same in every plot.
_COLOURS: Final = {
    FLOOR: "#555555",
    DIRECT.title: "#4c78a8",
    RAW.title: "#f58518",
    MULTIPART.title: "#e45756",
    NAIVE.title: "#54a24b",
    "FastAPI, nested JSON to Triton": "#b279a2",
    "FastAPI, binary gRPC to Triton": "#9d755d",
}
_TITLES: Final = {network.name: network.title for network in NETWORKS}


def write_plots(folder: Path, lines: Sequence[Measurement]) -> list[Path]:
    """Write every plot that there are figures for, and name them."""
    figures: dict[str, Figure] = {}
    for network in dict.fromkeys(line.network for line in lines):
        of_ways = [it for it in lines if it.network == network and it.series == "ways"]
        floor = floor_cpu_ms(lines, network, of_ways[0].width)
        figures[f"cpu-{network}"] = plot_cpu(of_ways, floor)
        figures[f"clients-{network}"] = plot_clients(of_ways)
        if engines := [it for it in lines if it.network == network and it.series == "engines"]:
            figures[f"engines-{network}"] = plot_cpu(engines, floor)
    if batches := _over_batches(lines):
        figures["batch"] = plot_batches(batches)
    if sizes := [line for line in lines if line.series == "image size"]:
        figures["image-size"] = plot_sizes(sizes)
    files = []
    for name, figure in figures.items():
        files.append(folder / f"{name}.png")
        figure.savefig(files[-1], dpi=_DPI)
    return files


def plot_cpu(lines: Sequence[Measurement], floor_ms: float) -> Figure:
    """CPU per picture of every way as bars, the floor as a line, for few and for many clients."""
    counts = [count for count in (1, 16) if any(line.clients == count for line in lines)]
    ways = list(dict.fromkeys(line.way for line in lines))
    figure = Figure(figsize=(11, 5.5), layout="constrained")
    panels = figure.subplots(1, len(counts), sharey=True, squeeze=False)[0]
    most = _longest_bar(lines, floor_ms)
    for panel, count in zip(panels, counts, strict=True):
        shown = [line for line in lines if line.clients == count]
        values = [line.cpu_ms_per_image for line in shown]
        places = [ways.index(line.way) for line in shown]
        colours = [_COLOURS.get(line.way, _OTHER) for line in shown]
        panel.barh(places, [min(value, most) for value in values], color=colours)
        for place, line in zip(places, shown, strict=True):
            cut = ", bar cut" if line.cpu_ms_per_image > most else ""
            text = f"{line.cpu_ms_per_image:.1f} ({line.ratio:.2f}x){cut}"
            panel.annotate(text, (min(line.cpu_ms_per_image, most), place), **_BESIDE_BAR)
        panel.axvline(floor_ms, color="black", linestyle="--")
        panel.set(title=f"{count} client{'s' * (count > 1)}", xlim=(0, most * _ROOM_FOR_TEXT))
        panel.set_xlabel(f"server CPU, ms per picture; dashed: the floor, {floor_ms:.1f} ms")
    panels[0].set_yticks(range(len(ways)), ways)
    panels[0].invert_yaxis()
    figure.suptitle(f"{_TITLES[lines[0].network]}: what a 500x375 JPEG costs")
    return figure


def _longest_bar(lines: Sequence[Measurement], floor_ms: float) -> float:
    """Where bars are cut, so that one way that costs far more does not flatten the others."""
    usual = [it.cpu_ms_per_image for it in lines if it.cpu_ms_per_image < _FAR_MORE * floor_ms]
    return max([*usual, floor_ms])


def plot_clients(lines: Sequence[Measurement]) -> Figure:
    """Throughput and latency over the number of clients."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    throughput, median_panel, worst = figure.subplots(1, 3)
    for way in dict.fromkeys(line.way for line in lines if line.way in _COLOURS):
        shown = sorted((it for it in lines if it.way == way), key=lambda it: it.clients)
        _line(throughput, shown, "clients", "images_per_second")
        _line(median_panel, shown, "clients", "p50_ms")
        _line(worst, shown, "clients", "p99_ms")
    counts = sorted({line.clients for line in lines})
    for panel, title in (
        (throughput, "pictures per second"),
        (median_panel, "p50, ms"),
        (worst, "p99, ms"),
    ):
        panel.set_xscale("log", base=2)
        panel.set_xticks(counts, map(str, counts))
        panel.set(title=title, xlabel="clients")
        panel.grid(alpha=0.3)
    throughput.set_ylim(0, None)
    for panel in (median_panel, worst):
        panel.set_yscale("log")
        panel.yaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_minor_formatter(LogFormatter())
    figure.legend(*throughput.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.suptitle(f"{_TITLES[lines[0].network]}: 500x375 JPEG, closed loop")
    return figure


def _over_batches(lines: Sequence[Measurement]) -> list[Measurement]:
    """Those of networks that were asked with more than one size of batch: one makes no line."""
    of_batches = [line for line in lines if line.series == "batch"]
    sizes = {(it.network, it.batch) for it in of_batches}
    counts = Counter(network for network, _ in sizes)
    return [line for line in of_batches if counts[line.network] > 1]


def plot_batches(lines: Sequence[Measurement]) -> Figure:
    """CPU per picture over the batch, one panel per network."""
    networks = list(dict.fromkeys(line.network for line in lines))
    figure = Figure(figsize=(10, 4), layout="constrained")
    panels = figure.subplots(1, len(networks), squeeze=False)[0]
    for panel, network in zip(panels, networks, strict=True):
        of_network = [line for line in lines if line.network == network]
        for way in dict.fromkeys(line.way for line in of_network):
            _line(panel, [it for it in of_network if it.way == way], "batch", "cpu_ms_per_image")
        panel.axhline(
            of_network[0].floor_cpu_ms_per_image,
            color=_COLOURS[FLOOR],
            linestyle="--",
            label="floor",
        )
        panel.set_xscale("log", base=2)
        counts = sorted({line.batch for line in of_network})
        panel.set_xticks(counts, map(str, counts))
        most = max(panel.dataLim.y1, of_network[0].floor_cpu_ms_per_image)
        panel.set(title=_TITLES[network], xlabel="pictures in a request", ylim=(0, most * 1.1))
        panel.set_ylabel("server CPU, ms per picture")
        panel.legend()
    return figure


def plot_sizes(lines: Sequence[Measurement]) -> Figure:
    """CPU per picture over its size, both logarithmic."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    panel = figure.subplots()
    for way in dict.fromkeys(line.way for line in lines):
        shown = [line for line in lines if line.way == way]
        sizes = [line.width * line.height / _MEGAPIXEL for line in shown]
        panel.plot(
            sizes, [it.cpu_ms_per_image for it in shown], "o-", color=_COLOURS[way], label=way
        )
    sizes = [line.width * line.height / _MEGAPIXEL for line in shown]
    floors = [line.floor_cpu_ms_per_image for line in shown]
    panel.plot(sizes, floors, "--", color=_COLOURS[FLOOR], label=FLOOR)
    panel.set(xscale="log", yscale="log", xlabel="megapixels", ylabel="server CPU, ms per picture")
    panel.set_xticks(sizes, [f"{size:.1f}" for size in sizes])
    panel.minorticks_off()
    panel.yaxis.set_major_formatter("{x:g}")
    panel.grid(alpha=0.3)
    panel.set_title(f"{_TITLES[lines[0].network]}: cost by the size of a JPEG")
    panel.legend()
    return figure


def _line(panel: Axes, shown: Sequence[Measurement], x: str, y: str) -> None:
    way = shown[0].way
    values = [getattr(line, y) for line in shown]
    panel.plot([getattr(line, x) for line in shown], values, "o-", color=_COLOURS[way], label=way)
