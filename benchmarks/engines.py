"""What each engine costs: images per second, latency and CPU per image, by network and batch.

    python -m benchmarks.engines [--quick]

All engines take turns within one run; medians go to benchmarks/results/engines.md. Everything runs
in this process, through the very code that the backends serve with.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.engine_runs import (
    ENGINES,
    NETWORKS,
    Run,
    Sample,
    open_spinning,
    take_turns,
    write_networks,
)
from benchmarks.report import footnotes

RESULTS: Final = Path(__file__).parent / "results" / "engines.md"
_BATCHES: Final = (1, 2, 4, 8, 16, 32)
_QUICK_BATCHES: Final = (1, 8)
_THREADS: Final = (1, 2)
# Between two inferences of one client a picture is read, decoded and resized.
_PAUSE_SECONDS: Final = 0.004


def measure(network: str, batches: Sequence[int], rounds: int) -> dict[str, dict[int, Sample]]:
    """Seconds per call by engine with threads, and batch."""
    runs = _runs(network)
    table: dict[str, dict[int, Sample]] = {name: {} for name in runs}
    for batch in batches:
        for name, sample in take_turns(runs, batch, rounds).items():
            table[name][batch] = sample
    return table


def _runs(network: str) -> dict[str, Run]:
    return {
        f"{engine.name}, {_threads(threads)}": engine.open(network, threads)
        for threads in _THREADS
        for engine in ENGINES
    }


def _threads(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"


def measure_one_client(network: str, rounds: int) -> dict[str, Sample]:
    """Batch 1, with pauses: what threads that wait for work do meanwhile."""
    runs = {**_runs(network), "ONNX Runtime fp32, 2 threads that spin": open_spinning(network)}
    return take_turns(runs, 1, rounds, _PAUSE_SECONDS)


def table(network: str, measured: dict[str, dict[int, Sample]]) -> list[str]:
    """Three numbers for each batch."""
    batches = list(next(iter(measured.values())))
    lines = [
        f"## {network}",
        "",
        "| engine | " + " | ".join(f"batch {batch}" for batch in batches) + " |",
        "| --- |" + " --- |" * len(batches),
    ]
    for name, samples in measured.items():
        cells = [_cell(batch, sample) for batch, sample in samples.items()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _cell(batch: int, sample: Sample) -> str:
    per_second = batch / sample.wall_seconds
    return (
        f"{per_second:.0f}/s, {sample.wall_seconds * 1000:.2f} ms, "
        f"{sample.cpu_seconds / batch * 1000:.2f} ms"
    )


def one_client_table(measured: dict[str, dict[str, Sample]]) -> list[str]:
    """Latency and CPU of a call, by network."""
    lines = [
        "## One client",
        "",
        f"Batch 1, with a pause of {_PAUSE_SECONDS * 1000:.0f} ms after each call: ms per call,",
        "and CPU ms per call with what idle threads burn in the pause.",
        "",
        "| engine | " + " | ".join(measured) + " |",
        "| --- |" + " --- |" * len(measured),
    ]
    for name in next(iter(measured.values())):
        cells = [
            f"{samples[name].wall_seconds * 1000:.2f} ms, {samples[name].cpu_seconds * 1000:.2f} ms"
            for samples in measured.values()
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def main() -> None:
    """Measure everything and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="batch 1 and 8, two rounds")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    batches, rounds = (_QUICK_BATCHES, 2) if options.quick else (_BATCHES, options.rounds)
    write_networks()
    lines = [
        "# Engines",
        "",
        "Images per second, ms per call and CPU ms per image, 224x224 pixels, in process; medians",
        f"of {rounds} rounds. Both int8 engines run the same QDQ graph. Written by",
        "`python -m benchmarks.engines`. On a machine that others use, only CPU ms compare.",
        "",
    ]
    for network in NETWORKS:
        lines += table(network, measure(network, batches, rounds))
    lines += one_client_table({it: measure_one_client(it, rounds) for it in NETWORKS})
    options.output.write_text("\n".join([*lines, *footnotes()]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
