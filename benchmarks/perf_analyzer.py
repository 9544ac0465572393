"""Run perf_analyzer against digits_r1 over gRPC with real JPEGs, and write table and plot.

python -m benchmarks.perf_analyzer [--seconds 5]
"""

from __future__ import annotations

import argparse
import base64
import csv
import io
import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx
from PIL import Image

from benchmarks.local_stack import LocalStack, local_stack
from benchmarks.measurement import Measurement
from benchmarks.perf_analyzer_binary import fetch_perf_analyzer
from benchmarks.process_cpu import tree_cpu_seconds
from benchmarks.report import write_report
from python_backends.shared.contract import IMAGE, encode_bytes_tensor

_PROJECT: Final = Path(__file__).resolve().parents[1]
_MODEL: Final = "digits_r1"
_CONCURRENCIES: Final = (1, 4, 16)
_JPEG_SIZE_PIXELS: Final = (500, 375)
_JPEG_QUALITY: Final = 90
# perf_analyzer would go on until three windows agree, which on a shared machine may be never; with
# this it averages the first three, whatever they say.
_ANY: Final = "999"


def sample_jpegs() -> list[bytes]:
    """The committed sample pictures as photographs of a common size."""
    encoded = []
    for file in sorted((_PROJECT / "examples" / "digits" / "samples").iterdir()):
        picture = Image.open(file).convert("RGB").resize(_JPEG_SIZE_PIXELS)
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=_JPEG_QUALITY)
        encoded.append(buffer.getvalue())
    return encoded


def write_input_data(file: Path, images: Sequence[bytes]) -> None:
    """perf_analyzer's input JSON; its base64 of a BYTES tensor includes the length prefix."""
    content = [base64.b64encode(encode_bytes_tensor([image])).decode() for image in images]
    rows = [
        {IMAGE.name: {"content": {"b64": text}, "shape": list(IMAGE.shape)}} for text in content
    ]
    file.write_text(json.dumps({"data": rows}))


def answered_images(stack: LocalStack) -> int:
    """How many images the ensemble has answered since it was loaded."""
    stats = httpx.get(f"{stack.triton['http']}/v2/models/{_MODEL}/stats", trust_env=False).json()
    return int(stats["model_stats"][0]["inference_stats"]["success"]["count"])


def run_perf_analyzer(
    address: str, model: str, input_data: Path, seconds: int, *load: str
) -> dict[str, str]:
    """Run it over gRPC: three windows of so many seconds, averaged.

    Args:
        address: Triton's gRPC.
        model: An ensemble.
        input_data: What `write_input_data` wrote.
        seconds: The length of one window.
        load: Options that say how it asks, --concurrency-range 4.

    Returns:
        The only row of its table, by column.
    """
    binary, libraries = fetch_perf_analyzer()
    table = input_data.with_name("perf-analyzer.csv")
    subprocess.run(
        [
            str(binary),
            *("-m", model, "-i", "grpc", "-u", address, "--input-data", str(input_data), *load),
            *("--measurement-interval", str(seconds * 1000), "--stability-percentage", _ANY),
            *("-f", str(table)),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "LD_LIBRARY_PATH": str(libraries)},
    )
    with table.open() as stream:
        (row,) = csv.DictReader(stream)
    return row


def measure(stack: LocalStack, concurrency: int, input_data: Path, seconds: int) -> Measurement:
    """Run perf_analyzer at one concurrency."""
    cpu_before = tree_cpu_seconds(stack.triton["pid"])
    images_before = answered_images(stack)
    load = ("--concurrency-range", str(concurrency))
    row = run_perf_analyzer(stack.triton["grpc"], _MODEL, input_data, seconds, *load)
    images = answered_images(stack) - images_before
    cpu_seconds = tree_cpu_seconds(stack.triton["pid"]) - cpu_before
    return Measurement(
        concurrency=concurrency,
        images_per_second=float(row["Inferences/Second"]),
        p50_ms=float(row["p50 latency"]) / 1000,
        p90_ms=float(row["p90 latency"]) / 1000,
        p99_ms=float(row["p99 latency"]) / 1000,
        server_cpu_ms_per_image=cpu_seconds / images * 1000,
    )


def main() -> None:
    """Start a stack without UI, measure each concurrency, write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="length of one window")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch, repository = Path(folder), _PROJECT / "model_repository"
        images = sample_jpegs()
        write_input_data(scratch / "input.json", images)
        with local_stack(scratch / "state", repository, "--no-ui") as stack:
            measurements = [
                measure(stack, concurrency, scratch / "input.json", arguments.seconds)
                for concurrency in _CONCURRENCIES
            ]
    kilobytes = sum(map(len, images)) / len(images) / 1024
    width, height = _JPEG_SIZE_PIXELS
    subject = f"{_MODEL} over gRPC, {width}x{height} JPEG of {kilobytes:.0f} KiB on average"
    write_report(_PROJECT / "benchmarks" / "results", subject, measurements)


if __name__ == "__main__":
    main()
