"""The measurements as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any, Final

from benchmarks.comparison.aims import Aim
from benchmarks.comparison.measurement import Measurement
from benchmarks.comparison.stages import Stage
from benchmarks.comparison.startup import MEMORY_TARGET_MB, WARM_TARGET_SECONDS
from benchmarks.comparison.ways import DIRECT, FLOOR, RAW

_MB: Final = 1e6
_FEW: Final = 100  # from here on, digits behind the point say nothing
_MANY_CLIENTS: Final = 16
_WITHOUT_NETWORK: Final = (RAW.title, DIRECT.title)
_WAYS_HEADER: Final = (
    *("way", "images/s", "p50 ms", "p99 ms", "CPU ms/image", "x floor", "client's CPU ms"),
    *("errors", "floor's label"),
)
_NOTHING: Final = "–"  # noqa: RUF001 - a dash where there is no figure


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are figures."""
    rule = ["---", *("---:" for _ in header[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


def figure(value: float, digits: int = 2) -> str:
    """A number, or a dash."""
    return _NOTHING if math.isnan(value) else f"{value:.{digits}f}"


def errors(line: Measurement) -> str:
    """None, or how many and the first of them."""
    if not line.errors:
        return "0"
    first = line.first_error.replace("|", "/").replace("\n", " ")[:80]
    return f"**{line.errors}**: {first}"


def floor_cpu_ms(lines: Sequence[Measurement], network: str, width: int) -> float:
    """The median of the floors of one network on pictures of one width."""
    floors = [it for it in lines if (it.series, it.network, it.width) == ("floor", network, width)]
    return median(it.cpu_ms_per_image for it in floors)


def ways_table(lines: Sequence[Measurement], network: str, clients: int) -> str:
    """Every way with so many clients, the floor first."""
    found = [
        line
        for line in lines
        if line.network == network and line.series == "ways" and line.clients == clients
    ]
    width = found[0].width
    floors = [it for it in lines if (it.series, it.network, it.width) == ("floor", network, width)]
    spread = [it.cpu_ms_per_image for it in floors]
    first = [
        f"{FLOOR}, {len(floors)} runs",
        figure(median(it.images_per_second for it in floors), 0),
        figure(median(it.p50_ms for it in floors), 1),
        figure(median(it.p99_ms for it in floors), 1),
        f"{median(spread):.2f} ({min(spread):.2f} to {max(spread):.2f})",
        "1.00",
        _NOTHING,
        "0",
        _NOTHING,
    ]
    return table(_WAYS_HEADER, [first, *map(_ways_row, found)])


def _ways_row(line: Measurement) -> list[str]:
    return [
        line.way,
        figure(line.images_per_second, 0),
        figure(line.p50_ms, 1),
        figure(line.p99_ms, 1),
        figure(line.cpu_ms_per_image),
        figure(line.ratio),
        figure(line.client_cpu_ms_per_image),
        errors(line),
        line.same_label or _NOTHING,
    ]


def aims_table(found: Sequence[Aim]) -> str:
    """What was aimed at, and what came of it."""
    verdicts = {True: "reached", False: "**missed**", None: "not measured"}
    header = ("aim", "at most", "here", "unit", "")
    return table(
        header,
        [
            [it.words, _short(it.limit), _with_rounds(it), it.unit, verdicts[it.is_met]]
            for it in found
        ],
    )


def _with_rounds(aim: Aim) -> str:
    if aim.between is None:
        return _short(aim.reached)
    lowest, highest = map(_short, aim.between)
    return f"{_short(aim.reached)} ({lowest} to {highest})"


def _short(value: float) -> str:
    return figure(value, 2 if value < _FEW else 0)


def engines_table(lines: Sequence[Measurement], network: str) -> str:
    """Each engine and precision through the gateway."""
    return table(
        ("engine", "clients", *_WAYS_HEADER[1:]),
        [
            [line.way, str(line.clients), *_ways_row(line)[1:]]
            for line in sorted(lines, key=lambda it: it.clients)
            if line.series == "engines" and line.network == network
        ],
    )


def without_network_table(lines: Sequence[Measurement]) -> str:
    """What stays on the CPU where the network is next to nothing, and how far a core goes."""
    of_tiny = [it for it in lines if it.network == "tiny"]
    many = [it for it in of_tiny if it.series == "ways" and it.clients == _MANY_CLIENTS]
    batches = [it for it in of_tiny if it.series == "batch"]
    most = max((it.batch for it in batches), default=0)
    rows = [it for it in many if it.way in _WITHOUT_NETWORK]
    rows += [it for it in batches if it.batch == most]
    return table(
        ("way", "clients", "batch", "CPU ms/image", "images/s and core"),
        [
            [
                it.way,
                str(it.clients),
                str(it.batch),
                figure(it.cpu_ms_per_image),
                figure(1000 / it.cpu_ms_per_image, 0),
            ]
            for it in rows
        ],
    )


def arrivals_table(lines: Sequence[Measurement], network: str) -> str:
    """What perf_analyzer saw."""
    header = ("perf_analyzer", "in flight", *_WAYS_HEADER[1:6], "errors")
    return table(
        header,
        [
            [
                line.way.removeprefix("perf_analyzer, "),
                str(line.clients) if line.clients else _NOTHING,
                figure(line.images_per_second, 0),
                figure(line.p50_ms, 1),
                figure(line.p99_ms, 1),
                figure(line.cpu_ms_per_image),
                figure(line.ratio),
                errors(line),
            ]
            for line in lines
            if line.series == "arrivals" and line.network == network
        ],
    )


def batch_table(lines: Sequence[Measurement], network: str) -> str:
    """Cost by batch."""
    return table(
        ("way", "batch", "images/s", "p50 ms of a request", "CPU ms/image", "x floor", "errors"),
        [
            [
                line.way,
                str(line.batch),
                figure(line.images_per_second, 0),
                figure(line.p50_ms, 1),
                figure(line.cpu_ms_per_image),
                figure(line.ratio),
                errors(line),
            ]
            for line in sorted(lines, key=lambda it: (it.way, it.batch))
            if line.series == "batch" and line.network == network
        ],
    )


def size_table(lines: Sequence[Measurement]) -> str:
    """Cost by the size of a picture."""
    sized = [line for line in lines if line.series == "image size"]
    header = ("picture", "KB", "floor, CPU ms", "way", "images/s", "p50 ms", "CPU ms/image")
    return table(
        (*header, "x floor", "errors"),
        [
            [
                f"{line.width}x{line.height}",
                figure(line.kilobytes, 0),
                figure(line.floor_cpu_ms_per_image),
                line.way,
                figure(line.images_per_second, 0),
                figure(line.p50_ms, 1),
                figure(line.cpu_ms_per_image),
                figure(line.ratio),
                errors(line),
            ]
            for line in sized
        ],
    )


def stages_table(stages: Sequence[Stage]) -> str:
    """Where a request spends its time in Triton."""
    header = ("network", "clients", "step", "mean batch", "queue ms", "compute ms")
    return table(
        header,
        [
            [
                it.network,
                str(it.clients),
                it.step,
                figure(it.mean_batch, 1),
                figure(it.queue_ms),
                figure(it.compute_ms),
            ]
            for it in stages
        ],
    )


def start_table(starts: Sequence[dict[str, Any]]) -> str:
    """Times to the first right answer."""
    kinds = {
        kind: [it["seconds"] for it in starts if it["kind"] == kind]
        for kind in dict.fromkeys(it["kind"] for it in starts)
    }
    targets = {"cold": _NOTHING, "warm": f"under {WARM_TARGET_SECONDS:g}"}
    return table(
        ("start of digits with gateway", "median s", "all", "target s"),
        [
            [
                kind,
                figure(median(seconds), 1),
                ", ".join(f"{it:.1f}" for it in seconds),
                targets[kind],
            ]
            for kind, seconds in kinds.items()
        ],
    )


def memory_table(footprints: Sequence[dict[str, Any]]) -> str:
    """What is held, in all."""
    header = ("moment", "PSS MB", "target MB", "sum of RSS MB", "of /dev/shm MB", "processes")
    return table(
        header,
        [
            [
                it["moment"],
                figure(it["pss_bytes"] / _MB, 0),
                f"under {MEMORY_TARGET_MB}",
                figure(it["rss_bytes"] / _MB, 0),
                figure(it["shared_memory_bytes"] / _MB, 1),
                str(len(it["processes"])),
            ]
            for it in footprints
        ],
    )


def process_table(footprint: dict[str, Any]) -> str:
    """What each process holds."""
    return table(
        ("process", "RSS MB", "PSS MB"),
        [
            [it["process"], figure(it["rss_bytes"] / _MB, 0), figure(it["pss_bytes"] / _MB, 0)]
            for it in sorted(footprint["processes"], key=lambda it: -it["pss_bytes"])
        ],
    )
