"""The pictures of a measurement, as files for the floor and as bytes for everybody else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.pictures import COMMON_SIZE, jpeg

_COUNT: Final = 8
_COUNT_OF_LARGE: Final = 3
_LARGE_PIXELS: Final = 2_000_000


@dataclass(frozen=True)
class Pictures:
    """Several different ones of one size."""

    folder: Path
    width: int
    height: int
    contents: tuple[bytes, ...]

    @property
    def kilobytes(self) -> float:
        """Of one, on average."""
        return sum(map(len, self.contents)) / len(self.contents) / 1000

    def batches(self, size: int) -> list[list[bytes]]:
        """One batch beginning with each picture."""
        count = len(self.contents)
        return [
            [self.contents[(first + place) % count] for place in range(size)]
            for first in range(count)
        ]


def make_pictures(scratch: Path, width: int, height: int) -> Pictures:
    """Draw and write them."""
    folder = scratch / f"pictures-{width}x{height}"
    folder.mkdir()
    count = _COUNT if width * height < _LARGE_PIXELS else _COUNT_OF_LARGE
    contents = tuple(jpeg(width, height, seed) for seed in range(count))
    for number, content in enumerate(contents):
        (folder / f"{number}.jpg").write_bytes(content)
    return Pictures(folder, width, height, contents)


def make_common_pictures(scratch: Path) -> Pictures:
    """500x375, what most figures are about."""
    return make_pictures(scratch, *COMMON_SIZE)
