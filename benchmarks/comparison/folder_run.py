"""The SDK as examples/classify_folder.py uses it: an endless folder through a DirectClient."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from itertools import cycle

from benchmarks.comparison.load import Load
from benchmarks.comparison.measurement import Measurement
from benchmarks.comparison.measuring import Subject
from benchmarks.comparison.plan import Plan
from benchmarks.servers.server import Server
from triptych.client import DirectClient, Prediction, TriptychClientError

TITLE = "SDK folder run (batches over gRPC)"
_IN_FLIGHT = 8  # DirectClient's default


def measure_folder_run(server: Server, subject: Subject, plan: Plan) -> Measurement:
    """Stream pictures for some seconds; latency is not what this is for, so there is none."""
    url = f"http://{server.http}"
    with DirectClient(url, server.key, [server.grpc], subject.network.name) as client:
        before = server.cpu_seconds(), os.times()
        load = _run(client, subject.pictures.contents, plan.seconds)
        after = server.cpu_seconds(), os.times()
    own = sum(after[1][:2]) - sum(before[1][:2])
    return subject.line(load, after[0] - before[0], own, "")


def _run(client: DirectClient, pictures: Sequence[bytes], seconds: float) -> Load:
    load, started = Load(), time.perf_counter()
    try:
        for result in client.classify(_until(pictures, started + seconds)):
            if isinstance(result, Prediction):
                load.images += 1
            else:
                load.errors += 1
                load.first_error = load.first_error or result.message
    except TriptychClientError as exc:  # it ends the stream, and is a line of the report
        load.errors += 1
        load.first_error = load.first_error or str(exc)
    load.seconds = time.perf_counter() - started
    return load


def _until(pictures: Sequence[bytes], deadline: float) -> Iterator[bytes]:
    for picture in cycle(pictures):
        if time.perf_counter() > deadline:
            return
        yield picture
