"""One line of the report of a card, and the CSV that keeps it."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, get_type_hints

LIMIT: Final = "limit"
MODEL: Final = "model"
CPU_DECODE: Final = "cpu-decode"
GPU_DECODE: Final = "gpu-decode"
WAYS: Final = {
    LIMIT: "the bare network in a CUDA graph, no Triton",
    MODEL: "model step alone, pixels sent",
    CPU_DECODE: "ensemble, JPEGs decoded on the processor",
    GPU_DECODE: "ensemble, JPEGs decoded on the card",
}


@dataclass(frozen=True)
class Line:
    """One way at one batch size."""

    way: str
    batch: int
    clients: int
    """0 where nothing is sent."""
    images: int
    errors: int
    first_error: str
    images_per_second: float
    p50_ms: float
    """Of a whole batch."""
    p99_ms: float


_TYPES: Final[dict[str, Any]] = get_type_hints(Line)


def write_csv(file: Path, lines: Iterable[Line]) -> None:
    """Write them, with a header."""
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Line)])
        writer.writeheader()
        writer.writerows(asdict(line) for line in lines)


def read_csv(file: Path) -> list[Line]:
    """Read what `write_csv` wrote.

    Raises:
        KeyError: a column is missing.
        ValueError: a cell is none.
    """
    with file.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [Line(**{name: kind(row[name]) for name, kind in _TYPES.items()}) for row in rows]
