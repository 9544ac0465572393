"""Where a request spends its time inside Triton, step by step, as Triton's own statistics tell."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, get_type_hints

from benchmarks.comparison.measuring import Subject, measure_way
from benchmarks.comparison.plan import Plan
from benchmarks.comparison.ways import DIRECT
from benchmarks.servers.server import Server
from python_backends.shared.contract import STEP_NAMES
from triptych.client.triton import ModelCounts, TritonConnection

_STEPS: Final = STEP_NAMES[1:]
_SECONDS: Final = 10.0
_NANOSECONDS: Final = 1e6  # in a millisecond


@dataclass(frozen=True)
class Stage:
    """One step under so many clients, straight to Triton."""

    network: str
    clients: int
    step: str
    requests: int
    mean_batch: float
    queue_ms: float
    """Of one request, on average: waiting for its turn."""
    compute_ms: float
    """Of one request, on average: from the batch's start to its end, whoever shares it."""


def measure_stages(server: Server, subject: Subject, plan: Plan) -> list[Stage]:
    """Ask straight over gRPC, and see what the steps did meanwhile, canaries included."""
    before = _statistics(server)
    measure_way(DIRECT, server, subject, plan)
    return stages_between(before, _statistics(server), subject)


def _statistics(server: Server) -> dict[str, ModelCounts]:
    with TritonConnection(server.grpc) as connection:
        return connection.statistics(_SECONDS)


def stages_between(
    before: Mapping[str, ModelCounts], after: Mapping[str, ModelCounts], subject: Subject
) -> list[Stage]:
    """What each step did between two looks; steps that did nothing are left out."""
    found = []
    for step in _STEPS:
        name = f"{subject.network.release}_{step}"
        old, new = before[name], after[name]
        requests, runs = new.requests - old.requests, new.executions - old.executions
        if requests <= 0 or runs <= 0:
            continue
        found.append(
            Stage(
                network=subject.network.name,
                clients=subject.clients,
                step=step,
                requests=requests,
                mean_batch=(new.items - old.items) / runs,
                queue_ms=(new.queue_ns - old.queue_ns) / requests / _NANOSECONDS,
                compute_ms=(new.compute_ns - old.compute_ns) / requests / _NANOSECONDS,
            )
        )
    return found


def write_stages(file: Path, stages: Iterable[Stage]) -> None:
    """Write them as CSV."""
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Stage)])
        writer.writeheader()
        writer.writerows(map(asdict, stages))


def read_stages(file: Path) -> list[Stage]:
    """Read what `write_stages` wrote."""
    types: dict[str, Any] = get_type_hints(Stage)
    with file.open(newline="") as stream:
        return [
            Stage(**{name: kind(row[name]) for name, kind in types.items()})
            for row in csv.DictReader(stream)
        ]
