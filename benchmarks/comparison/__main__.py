"""Measure everything, write the folder of results, and the page from it.

python -m benchmarks.comparison [--quick] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import shlex
import signal
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.comparison.machine import environment, keep_to_cores, state
from benchmarks.comparison.measurement import Measurement, write_csv
from benchmarks.comparison.page import write_page
from benchmarks.comparison.pictures_on_disk import make_common_pictures, make_pictures
from benchmarks.comparison.plan import FULL, QUICK, Plan
from benchmarks.comparison.plots import write_plots
from benchmarks.comparison.rounds import measure_aims
from benchmarks.comparison.series import Run, measure_batches, measure_sizes, measure_ways
from benchmarks.comparison.stages import write_stages
from benchmarks.comparison.startup import measure_starts
from benchmarks.network_cache import NETWORKS, Network, prepare
from benchmarks.report import commit, machine
from triptych.stack.stop_signals import leave_on

logger = logging.getLogger("benchmarks.comparison")

_PROJECT: Final = Path(__file__).resolve().parents[2]
_RESULTS: Final = _PROJECT / "benchmarks" / "results"
_QUICK_RESULTS: Final = _PROJECT / ".cache" / "bench" / "quick"
_CORES: Final = 2


def measure(run: Run) -> tuple[list[Measurement], dict[str, Any]]:
    """Everything in the plan: the lines, and the starts."""
    plan, scratch = run.plan, run.scratch
    networks = _networks(plan)
    pictures = make_common_pictures(scratch)
    lines: list[Measurement] = []
    for network in networks:
        lines += measure_aims(run, network, pictures)
    for network in networks:
        lines += measure_ways(run, network, pictures)
    for network in networks:
        if plan.networks[network.name].batches:
            lines += measure_batches(run, network, pictures)
    if plan.sizes:
        lines += measure_sizes(run, networks[0], [make_pictures(scratch, *it) for it in plan.sizes])
    return lines, measure_starts(scratch, pictures, plan.starts, logger.info)


def prepare_networks(plan: Plan) -> None:
    """Make every network and release that a plan wants, once for all runs."""
    for network in _networks(plan):
        for engine in plan.networks[network.name].engines_of(network):
            logger.info("%s, %s: made, or there already", network.title, engine.title)
            prepare(replace(network, engine=engine))


def _networks(plan: Plan) -> list[Network]:
    return [it for it in NETWORKS if it.name in plan.networks]


def _tell(line: Measurement) -> None:
    errors = f", {line.errors} ERRORS: {line.first_error}" if line.errors else ""
    logger.info(
        "%s | %s | %d clients, batch %d, %dx%d | %.1f images/s, p50 %.1f, p99 %.1f ms, "
        "CPU %.2f ms/image%s",
        *(line.network, line.way, line.clients, line.batch, line.width, line.height),
        *(line.images_per_second, line.p50_ms, line.p99_ms, line.cpu_ms_per_image, errors),
    )


def results_folder() -> Path:
    """Today's, named after the machine."""
    processor, cores, _ = machine().split(", ", 2)
    slug = re.sub(r"[^a-z0-9]+", "-", f"{processor} {cores}".lower()).strip("-")
    return _RESULTS / f"{datetime.now(UTC).date().isoformat()}-{slug}"


def main() -> None:
    """Measure, and write all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under three minutes, for a look")
    parser.add_argument(
        "--out",
        type=Path,
        help="default: benchmarks/results/<date>-<machine>, and docs/performance.md from it",
    )
    asked = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logger.setLevel(logging.INFO)
    leave_on(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    plan = QUICK if asked.quick else FULL
    prepare_networks(plan)
    cores, started = keep_to_cores(_CORES), time.monotonic()
    folder = asked.out or (_QUICK_RESULTS if asked.quick else results_folder())
    before, measured = state(), commit()  # the results are part of the tree, too
    with tempfile.TemporaryDirectory(prefix="triptych-bench-") as scratch:
        run = Run(plan, len(cores), Path(scratch), _tell)
        lines, starts = measure(run)
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(folder / "measurements.csv", lines)
    write_stages(folder / "stages.csv", run.stages)
    (folder / "startup.json").write_text(json.dumps(starts, indent=2) + "\n")
    about = environment(cores, before, shlex.join(["python", *sys.orig_argv[1:]]))
    about |= {"commit": measured, "minutes": round((time.monotonic() - started) / 60, 1)}
    (folder / "environment.json").write_text(json.dumps(about, indent=2) + "\n")
    write_plots(folder, lines)
    page = write_page(folder, None if folder.parent == _RESULTS else folder / "performance.md")
    logger.info("wrote %s and %s", folder, page)


if __name__ == "__main__":
    main()
