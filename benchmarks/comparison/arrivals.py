"""perf_analyzer straight to Triton: a closed loop, and requests that come when they like."""

from __future__ import annotations

import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.comparison.load import Load
from benchmarks.comparison.measurement import Measurement
from benchmarks.comparison.measuring import Subject
from benchmarks.comparison.plan import Plan
from benchmarks.perf_analyzer import run_perf_analyzer, write_input_data
from benchmarks.servers.server import Server
from triptych.client.triton import TritonConnection

_WINDOW_SECONDS: Final = 3
_UNKNOWN: Final = float("nan")
_STATISTICS_SECONDS: Final = 10.0
_MANY_THREADS: Final = ("--async", "--max-threads", "16")  # so that no request waits for another


def measure_arrivals(
    server: Server, subject: Subject, plan: Plan, scratch: Path
) -> list[Measurement]:
    """Every concurrency of the plan, then Poisson arrivals at shares of the best rate."""
    input_data = scratch / "input.json"
    write_input_data(input_data, subject.pictures.contents)
    lines = []
    for clients in plan.arrivals:
        asked = replace(subject, way="perf_analyzer, closed loop", clients=clients)
        in_flight = ("--concurrency-range", str(clients))
        lines.append(_measure(server, asked, input_data, in_flight))
    most = max((line.images_per_second for line in lines), default=0.0)
    for share in plan.poisson_shares if most else ():
        rate = f"{share * most:.1f}"
        way = f"perf_analyzer, Poisson, {share:.0%} of the closed loop's best ({rate}/s)"
        load = ("--request-rate-range", rate, "--request-distribution", "poisson")
        asked = replace(subject, way=way, clients=0)
        lines.append(_measure(server, asked, input_data, (*load, *_MANY_THREADS)))
    return lines


def _measure(
    server: Server, subject: Subject, input_data: Path, load: tuple[str, ...]
) -> Measurement:
    release = subject.network.release
    before, images_before = server.cpu_seconds(), _answered(server, release)
    started = time.perf_counter()
    try:
        row = run_perf_analyzer(server.grpc, release, input_data, _WINDOW_SECONDS, *load)
    except subprocess.CalledProcessError as exc:  # no request began and ended within a window
        said = f"perf_analyzer ended with {exc.returncode}"
        nothing = Load(errors=1, first_error=said, seconds=time.perf_counter() - started)
        return subject.line(nothing, _UNKNOWN, _UNKNOWN, "")
    seconds = time.perf_counter() - started
    found = Load(images=_answered(server, release) - images_before, seconds=seconds)
    cpu_seconds = server.cpu_seconds() - before
    return replace(
        subject.line(found, cpu_seconds, _UNKNOWN, ""),
        images_per_second=float(row["Inferences/Second"]),
        p50_ms=float(row["p50 latency"]) / 1000,
        p99_ms=float(row["p99 latency"]) / 1000,
    )


def _answered(server: Server, release: str) -> int:
    """How many pictures the release has answered, whoever asked."""
    with TritonConnection(server.grpc) as connection:
        return connection.statistics(_STATISTICS_SECONDS)[release].items
