"""What it costs to decode in child processes: CPU per image and images per second, by every way.

    python -m benchmarks.decode_containment

All ways take turns within one run, so that what else the machine does falls on all of them; the
median of the rounds goes to benchmarks/results/decode_containment.md.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import psutil
from numpy.typing import NDArray
from PIL import Image

from benchmarks.decode_ways import InProcess, ThroughMemory, ThroughSocket, Way
from python_backends.image_preprocess.decode_limits import DecodeLimits
from python_backends.image_preprocess.decode_pool import DecodePool
from python_backends.image_preprocess.decoder_main import DecodeJob
from python_backends.shared.image_batch import preprocess_image
from python_backends.shared.image_transform import ImageTransform

RESULTS: Final = Path(__file__).parent / "results" / "decode_containment.md"
MAX_PIXELS: Final = 50_000_000
ALONE: Final = "in process"
SETUPS: Final = tuple((size, batch) for size in (224, 48) for batch in (1, 8))


class ThroughPool:
    """What is served."""

    def __init__(self, pool: DecodePool) -> None:
        self._pool = pool

    def decode(self, images: Sequence[bytes]) -> NDArray[np.uint8]:
        """As a stub does it."""
        batch = np.empty((len(images), 1), np.object_)
        batch[:, 0] = images
        pixels, _ = self._pool.decode_images(batch)
        return pixels

    def close(self) -> None:
        """End the decoders."""
        self._pool.close()


def jpeg() -> bytes:
    """A 500x375 JPEG with as much detail as photographs have: some 65 kB."""
    coarse = np.random.default_rng(0).integers(0, 256, (47, 63, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    large = Image.fromarray(coarse).resize((500, 375), Image.Resampling.BICUBIC)
    large.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def ways(size: int) -> dict[str, Way]:
    """Every way, ready; the forked ones first, while this process has no threads."""
    shape = (size, size, 3)
    decode = partial(preprocess_image, transform=ImageTransform(size, size), max_pixels=MAX_PIXELS)
    through_memory = partial(ThroughMemory, decode, shape)
    found: dict[str, Way] = {
        ALONE: InProcess(decode, shape),
        "bytes through a socket": ThroughSocket(decode, shape),
        "memory, turns by socket": through_memory(1, with_eventfd=False),
        "memory, turns by eventfd": through_memory(1, with_eventfd=True),
        "memory, socket, 4 images per turn": through_memory(4, with_eventfd=False),
    }
    for processes in (1, 2):
        parameters = {"max_pixels": str(MAX_PIXELS), "decode_processes": str(processes)}
        limits = DecodeLimits.from_parameters(parameters)
        job = DecodeJob(decode, shape, limits.memory_bytes)
        found[f"DecodePool, {processes} at once"] = ThroughPool(DecodePool(job, limits))
    return found


def cpu_seconds() -> float:
    """Of this process and its children, to the nanosecond: jiffies would be too coarse here."""
    pids = [child.pid for child in psutil.Process().children(recursive=True)]
    # The clock of another process. Source: MAKE_PROCESS_CPUCLOCK in linux/posix-timers.h.
    return time.process_time() + sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def measure(size: int, batch: int, rounds: int, images: int) -> dict[str, tuple[float, float]]:
    """CPU ms per image and images per second, by way; medians."""
    encoded = [jpeg()] * batch
    samples: dict[str, list[tuple[float, float]]] = {}
    with ExitStack() as cleanup:
        found = ways(size)
        for way in found.values():
            cleanup.callback(way.close)
            way.decode(encoded)
        for _ in range(rounds):
            for name, way in found.items():
                cpu, wall = cpu_seconds(), time.perf_counter()
                for _ in range(images // batch):
                    way.decode(encoded)
                wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
                samples.setdefault(name, []).append((cpu / images * 1000, images / wall))
    return {name: _medians(pairs) for name, pairs in samples.items()}


def _medians(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    cpu, rate = zip(*pairs, strict=True)
    return statistics.median(cpu), statistics.median(rate)


def report(table: dict[tuple[int, int], dict[str, tuple[float, float]]]) -> str:
    """The measured numbers as a page."""
    lines = [
        "# What decoding in child processes costs",
        "",
        f"A 500x375 JPEG of {len(jpeg()) // 1000} kB, decoded and resized; {os.cpu_count()} CPU",
        "cores. CPU ms per image of stub and children together (in brackets: over in process), and",
        "images per second of wall time. Written by `python -m benchmarks.decode_containment`.",
        "",
        "| | " + " | ".join(f"{size}x{size}, batch {batch}" for size, batch in table) + " |",
        "| --- |" + " --- |" * len(table),
    ]
    for name in next(iter(table.values())):
        cells = []
        for measured in table.values():
            cpu, rate = measured[name]
            cells.append(f"{cpu:.2f} ({cpu - measured[ALONE][0]:+.2f}), {rate:.0f}/s")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure everything and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--images", type=int, default=80, help="per way and round")
    options = parser.parse_args()
    table = {
        (size, batch): measure(size, batch, options.rounds, options.images)
        for size, batch in SETUPS
    }
    RESULTS.write_text(report(table), encoding="utf-8")


if __name__ == "__main__":
    main()
