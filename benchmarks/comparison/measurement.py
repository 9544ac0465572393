"""One line of the report, and the CSV that keeps it."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, get_type_hints


@dataclass(frozen=True)
class Measurement:
    """One way of asking one server, for some seconds; what is not known is nan or empty."""

    series: str
    """aims, floor, ways, engines, arrivals, batch, same code or image size."""
    network: str
    way: str
    clients: int
    batch: int
    width: int
    height: int
    kilobytes: float
    """Of one encoded picture, on average."""
    images: int
    """Answered and right as far as their status tells."""
    errors: int
    first_error: str
    seconds: float
    images_per_second: float
    p50_ms: float
    """Of one request, whatever its batch is."""
    p99_ms: float
    cpu_ms_per_image: float
    """User and system time of every process of the server, ended ones too."""
    floor_cpu_ms_per_image: float
    """Mean of the floor just before and just after, on the same pictures."""
    client_cpu_ms_per_image: float
    """Of whoever asked, on the same cores: not part of the cost, but it takes from the rate."""
    same_label: str
    """How many pictures got the floor's first label: "8/8"."""

    @property
    def ratio(self) -> float:
        """CPU per image as a multiple of the floor's."""
        return self.cpu_ms_per_image / self.floor_cpu_ms_per_image


_TYPES: Final[dict[str, Any]] = get_type_hints(Measurement)


def write_csv(file: Path, measurements: Iterable[Measurement]) -> None:
    """Write them, one per line, with a header."""
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Measurement)])
        writer.writeheader()
        writer.writerows(map(_row, measurements))


def _row(it: Measurement) -> dict[str, object]:
    return {k: f"{v:.4f}" if isinstance(v, float) else v for k, v in asdict(it).items()}


def read_csv(file: Path) -> list[Measurement]:
    """Read what `write_csv` wrote.

    Raises:
        KeyError: a column is missing.
        ValueError: a cell is none.
    """
    with file.open(newline="") as stream:
        return [
            Measurement(**{name: kind(row[name]) for name, kind in _TYPES.items()})
            for row in csv.DictReader(stream)
        ]
