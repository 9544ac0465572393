"""What a card gives, and how much of it is left after Triton and decoding: docs/gpu-performance.md.

.venv-gpu/bin/python -m benchmarks.gpu [--seconds N]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import grpc
import numpy as np
from tritonclient.grpc import service_pb2

from benchmarks.comparison.grpc_client import GrpcClient, make_requests
from benchmarks.comparison.load import Client, quantile, run_clients
from benchmarks.gpu_lines import CPU_DECODE, GPU_DECODE, LIMIT, MODEL, Line, write_csv
from benchmarks.gpu_network import LARGEST_BATCH, RELEASE, REPOSITORY, pictures, prepare
from benchmarks.gpu_page import PAGE, RESULTS, to_markdown
from benchmarks.report import commit, machine
from python_backends.image_preprocess.card_gate import AUTO, find_card_way
from python_backends.onnxruntime.cuda_network import CudaNetwork, batch_sizes
from python_backends.shared.contract import LOGITS, PIXELS, TensorSpec
from python_backends.shared.cuda import Card, find_card
from python_backends.shared.image_batch import preprocess_images
from python_backends.shared.image_transform import QUICK_MARGIN, ImageTransform
from triptych.client.triton_wire import CHANNEL_OPTIONS, build_request
from triptych.stack.solo_triton import solo_triton

logger = logging.getLogger("benchmarks.gpu")

SIZES: Final = batch_sizes(LARGEST_BATCH)
_SIDE: Final = 224
_CLASSES: Final = 1000
_MOST_PIXELS: Final = 50_000_000
_CLIENTS: Final = 4
_WARM_UP_SECONDS: Final = 1.0
_METHOD: Final = "/inference.GRPCInferenceService/ModelInfer"
_ON_PROCESSOR: Final = 'parameters { key: "decode_on" value: { string_value: "cpu" } }\n'
_PACKAGES: Final = ("nvidia-pytriton", "onnxruntime-gpu", "cupy-cuda12x", "nvidia-nvimgcodec-cu12")
_PIXELS: Final = TensorSpec(PIXELS.name, PIXELS.dtype, (_SIDE, _SIDE, 3))
_LOGITS: Final = TensorSpec(LOGITS.name, LOGITS.dtype, (_CLASSES,))

MakeClient = Callable[[str, int], Client]


class ModelClient:
    """One channel to the model step alone; whatever comes back counts as answered."""

    def __init__(self, address: str, batch: int) -> None:
        pixels = np.random.default_rng(batch).integers(0, 256, (batch, *_PIXELS.shape), np.uint8)
        request = build_request(RELEASE.step("model"), [(_PIXELS, pixels.tobytes())], items=batch)
        self._request, self._batch = request.SerializeToString(), batch
        options = (*CHANNEL_OPTIONS, ("grpc.use_local_subchannel_pool", 1))
        self._channel = grpc.aio.insecure_channel(address, options=options)
        self._infer = self._channel.unary_unary(
            _METHOD,
            request_serializer=None,
            response_deserializer=service_pb2.ModelInferResponse.FromString,
        )

    async def ask(self, number: int) -> list[str]:  # noqa: ARG002 - one request, again and again
        """As `load.Client` has it; there are no labels."""
        await self._infer(self._request)
        return [""] * self._batch

    async def close(self) -> None:
        """Hang up."""
        await self._channel.close(None)


def measure_limit(card: Card, seconds: float) -> Iterator[Line]:
    """Time the bare network."""
    file = REPOSITORY / RELEASE.step("model") / "1" / "model.onnx"
    network = CudaNetwork(file, card, ([_PIXELS], [_LOGITS]), largest=LARGEST_BATCH)
    for size in network.sizes:
        run = partial(network.run, size)
        _times_ms(run, _WARM_UP_SECONDS)
        times = _times_ms(run, seconds)
        yield _line(LIMIT, size, times, images=size * len(times))


def _times_ms(call: Callable[[], object], seconds: float) -> list[float]:
    times: list[float] = []
    deadline = time.perf_counter() + seconds
    while (before := time.perf_counter()) < deadline:
        call()
        times.append((time.perf_counter() - before) * 1000)
    return times


def _line(way: str, batch: int, times_ms: Sequence[float], *, images: int) -> Line:
    rate = images / (sum(times_ms) / 1000)
    p50, p99 = quantile(times_ms, 0.5), quantile(times_ms, 0.99)
    return Line(way, batch, 0, images, 0, "", rate, p50, p99)


def measure_served(way: str, repository: Path, seconds: float) -> Iterator[Line]:
    """Start Triton, and have clients ask it with each batch size."""
    sent = pictures()

    def to_ensemble(address: str, batch: int) -> Client:
        batches = [[sent[item % len(sent)] for item in range(batch)]]
        return GrpcClient(address, make_requests(str(RELEASE), batches), batch)

    make: MakeClient = ModelClient if way == MODEL else to_ensemble
    with solo_triton(repository, [RELEASE]) as triton:
        for size in SIZES:
            yield asyncio.run(_ask(way, triton.address, size, make, seconds))


async def _ask(way: str, address: str, batch: int, make: MakeClient, seconds: float) -> Line:
    clients = [make(address, batch) for _ in range(_CLIENTS)]
    await run_clients(clients, _WARM_UP_SECONDS)
    load = await run_clients(clients, seconds)
    for client in clients:
        await client.close()
    return Line(
        way,
        batch,
        _CLIENTS,
        load.images,
        load.errors,
        load.first_error,
        load.images / load.seconds,
        quantile(load.times_ms, 0.5),
        quantile(load.times_ms, 0.99),
    )


def with_processor_decoding(repository: Path, folder: Path) -> Path:
    """A copy of a repository whose preprocess step decodes as it does without a card."""
    copy = shutil.copytree(repository, folder / "releases")
    config = copy / RELEASE.step("preprocess") / "config.pbtxt"
    config.write_text(config.read_text() + _ON_PROCESSOR)
    return copy


def decodes_on_card() -> bool:
    """Whether the preprocess step will: the release allows it, and the card proves itself here."""
    config = (REPOSITORY / RELEASE.step("preprocess") / "config.pbtxt").read_text()
    transform = ImageTransform(_SIDE, _SIDE, quick_margin=QUICK_MARGIN)
    otherwise = partial(preprocess_images, transform=transform, max_pixels=_MOST_PIXELS)
    way = find_card_way(
        AUTO, transform, pictures(), max_pixels=_MOST_PIXELS, on_processor=otherwise
    )
    return "quick_margin" in config and way is not None


def measure(card: Card, seconds: float) -> Iterator[Line]:
    """Every way, the limit first."""
    yield from measure_limit(card, seconds)
    with tempfile.TemporaryDirectory(prefix="triptych-bench-") as scratch:
        on_processor = with_processor_decoding(REPOSITORY, Path(scratch))
        yield from measure_served(MODEL, on_processor, seconds)
        yield from measure_served(CPU_DECODE, on_processor, seconds)
    if decodes_on_card():
        yield from measure_served(GPU_DECODE, REPOSITORY, seconds)
    else:
        logger.error("JPEGs are not decoded on the card, so that is not measured")


def environment(card: Card) -> dict[str, Any]:
    """On what it was measured."""
    runtime = card.arrays.cuda.runtime
    name = runtime.getDeviceProperties(card.number)["name"].decode()
    return {
        "card": name,
        "driver's CUDA": runtime.driverGetVersion(),
        "machine": machine(),
        "Python": platform.python_version(),
        "packages": ", ".join(f"{it} {version(it)}" for it in _PACKAGES),
        "commit": commit(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def main() -> int:
    """Measure, and write all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each way and batch")
    seconds = parser.parse_args().seconds
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    card = find_card(0)
    if card is None:
        logger.error("There is no NVIDIA GPU here, or no CuPy for it: nothing is measured.")
        return 1
    about = environment(card)
    prepare()
    lines: list[Line] = []
    for line in measure(card, seconds):
        logger.info("%s, batch %d: %.0f images/s", line.way, line.batch, line.images_per_second)
        lines.append(line)
    slug = re.sub(r"[^a-z0-9]+", "-", about["card"].lower()).strip("-")
    folder = RESULTS / f"{about['date']}-{slug}"
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(folder / "gpu.csv", lines)
    (folder / "environment.json").write_text(json.dumps(about, indent=2) + "\n")
    PAGE.write_text(to_markdown(folder))
    logger.info("wrote %s and %s", folder, PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
