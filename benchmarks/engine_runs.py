"""One engine with one network, timed: what `benchmarks.engines` puts into its tables."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from python_backends.onnxruntime.network import Network as OnnxRuntimeNetwork
from python_backends.openvino.network import Network as OpenVinoNetwork

NETWORKS: Final = ("tiny", "ResNet-18", "ResNet-50")
_PROJECT: Final = Path(__file__).resolve().parents[1]
_FOLDER: Final = _PROJECT / ".cache" / "bench" / "engines"
# A sample is as many calls as take so long, or the clock would be most of it.
_SAMPLE_SECONDS: Final = 0.04

# PIXELS, [N, 224, 224, 3], uint8, in; whatever comes out is not looked at.
Run = Callable[[NDArray[np.uint8]], object]


class _Network(Protocol):
    def infer(self, feeds: Mapping[str, NDArray[np.uint8]], outputs: list[str]) -> object: ...


@dataclass(frozen=True)
class Engine:
    """One way to run a network.

    Attributes:
        name: For the tables.
        precision: Of the file, "fp32" or "int8".
        library: "onnxruntime" or "openvino".
        hints: Parameters of config.pbtxt beside the number of threads.
    """

    name: str
    precision: str
    library: str
    hints: Mapping[str, str]

    def open(self, network: str, threads: int) -> Run:
        """Load a network as the backend of that name does."""
        file = _FOLDER / f"{network}-{self.precision}.onnx"
        if self.library == "onnxruntime":
            return _runner(OnnxRuntimeNetwork(file, intra_op_threads=threads, inter_op_threads=1))
        parameters = {**self.hints, "INFERENCE_NUM_THREADS": str(threads)}
        return _runner(OpenVinoNetwork(file, parameters))


ENGINES: Final = (
    Engine("ONNX Runtime fp32", "fp32", "onnxruntime", {}),
    Engine("ONNX Runtime int8", "int8", "onnxruntime", {}),
    Engine("OpenVINO fp32", "fp32", "openvino", {}),
    Engine("OpenVINO bf16", "fp32", "openvino", {"HINT_BF16": "YES"}),
    Engine("OpenVINO int8", "int8", "openvino", {}),
)


@dataclass(frozen=True)
class Sample:
    """Calls of one engine: seconds per call, by the wall and by this process's processor time."""

    wall_seconds: float
    cpu_seconds: float


def _runner(network: _Network) -> Run:
    def run(pixels: NDArray[np.uint8]) -> object:
        return network.infer({"PIXELS": pixels}, ["LOGITS"])

    return run


def open_spinning(network: str) -> Run:
    """ONNX Runtime fp32 on two threads as it comes, without the backend's settings."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    file = _FOLDER / f"{network}-fp32.onnx"
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return lambda pixels: session.run(["LOGITS"], {"PIXELS": pixels})


def write_networks() -> None:
    """Have the graphs written, by the environment that can; those that are there stay."""
    if all((_FOLDER / f"{name}-int8.onnx").is_file() for name in NETWORKS):
        return
    _FOLDER.mkdir(parents=True, exist_ok=True)
    python = _PROJECT / ".venv-export" / "bin" / "python"
    command = [str(python), "-m", "examples.shapes.engine_networks", str(_FOLDER)]
    subprocess.run(command, check=True, cwd=_PROJECT)


def pictures(batch: int) -> NDArray[np.uint8]:
    """PIXELS, [batch, 224, 224, 3]."""
    return np.random.default_rng(batch).integers(0, 256, (batch, 224, 224, 3), np.uint8)


def time_calls(call: Callable[[], object], calls: int, pause_seconds: float = 0.0) -> Sample:
    """Call so often, with pauses between that count as nobody's wall time."""
    wall, cpu = 0.0, time.process_time()
    for _ in range(calls):
        started = time.perf_counter()
        call()
        wall += time.perf_counter() - started
        if pause_seconds:
            time.sleep(pause_seconds)
    return Sample(wall / calls, (time.process_time() - cpu) / calls)


def take_turns(
    runs: Mapping[str, Run], batch: int, rounds: int, pause_seconds: float = 0.0
) -> dict[str, Sample]:
    """Time every run in every round, so that what else the machine does falls on all; medians."""
    pixels = pictures(batch)
    calls: dict[str, Callable[[], object]] = {it: partial(run, pixels) for it, run in runs.items()}
    first = {name: time_calls(call, 2) for name, call in calls.items()}
    often = {
        name: max(1, round(_SAMPLE_SECONDS / (sample.wall_seconds + pause_seconds)))
        for name, sample in first.items()
    }
    samples: dict[str, list[Sample]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, call in calls.items():
            samples[name].append(time_calls(call, often[name], pause_seconds))
    return {
        name: Sample(
            median(it.wall_seconds for it in found), median(it.cpu_seconds for it in found)
        )
        for name, found in samples.items()
    }
