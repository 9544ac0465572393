"""wrk as a witness: a load generator that others wrote sees about what our own clients see."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.comparison.http_client import RAW, make_requests
from benchmarks.comparison.load import Load
from benchmarks.comparison.measurement import Measurement
from benchmarks.comparison.measuring import Subject
from benchmarks.comparison.plan import Plan
from benchmarks.servers.server import Server

TITLE: Final = "gateway REST, raw body, by wrk"
_SCRIPT: Final = Path(__file__).with_name("wrk.lua")
_SLACK_SECONDS: Final = 30.0


def measure_with_wrk(
    server: Server, subject: Subject, plan: Plan, scratch: Path
) -> list[Measurement]:
    """One line, or none where wrk is not installed.

    It drops what is in flight when its time is over, so that CPU per picture comes out too high by
    up to clients / images.
    """
    program = shutil.which("wrk")
    if program is None:
        return []
    requests = make_requests(RAW, subject.network.name, server.key, subject.pictures.batches(1))
    files = [scratch / f"request-{number}" for number in range(len(requests))]
    for file, request in zip(files, requests, strict=True):
        file.write_bytes(request)
    command = [program, "-t1", f"-c{subject.clients}", "-s", str(_SCRIPT), f"-d{plan.seconds:.0f}s"]
    before = server.cpu_seconds()
    said = subprocess.run(
        [*command, f"http://{server.http}/", "--", *map(str, files)],
        check=True,
        capture_output=True,
        text=True,
        timeout=plan.seconds + _SLACK_SECONDS,
    ).stdout
    cpu_seconds = server.cpu_seconds() - before
    return [read_line(said, replace(subject, way=TITLE), cpu_seconds)]


def read_line(said: str, subject: Subject, cpu_seconds: float) -> Measurement:
    """Read the JSON that wrk.lua writes last.

    Raises:
        ValueError: there is none.
    """
    told = json.loads(said.rstrip().rpartition("\n")[2])
    load = Load(
        images=told["requests"] - told["errors"],
        errors=told["errors"],
        first_error="wrk counts errors and does not tell them" if told["errors"] else "",
        seconds=told["seconds"],
    )
    line = subject.line(load, cpu_seconds, float("nan"), "")
    return replace(line, p50_ms=told["p50_ms"], p99_ms=told["p99_ms"])
