"""The networks of the report as files and as releases, made once and kept in .cache/bench/."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.pictures import COMMON_SIZE, jpeg

_PROJECT: Final = Path(__file__).resolve().parents[1]
_CACHE: Final = _PROJECT / ".cache" / "bench" / "networks"
_PYTHON: Final = _PROJECT / ".venv-export" / "bin" / "python"
# Whoever writes releases differently makes the kept ones old.
_MADE_BY: Final = (
    *("benchmarks/networks.py", "benchmarks/network_cache.py"),
    *("triptych/engines.py", "triptych/export/*.py"),
)
_NOT_PROMOTABLE: Final = 3  # exit code of `triptych export`
_CALIBRATION_SEEDS: Final = range(100, 116)  # other pictures than those that are measured
_TRANSFORM: Final = (
    *("--resize", "stretch", "--filter", "bilinear"),
    *("--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225"),
)
_PLAIN_CONFIG: Final = """\
name: "{name}"
max_batch_size: 32
input [ {{ name: "input" data_type: TYPE_FP32 dims: [3, 224, 224] }} ]
output [ {{ name: "logits" data_type: TYPE_FP32 dims: [{classes}] }} ]
backend: "onnxruntime"
instance_group [ {{ count: 1 kind: KIND_CPU }} ]
dynamic_batching {{ }}
parameters {{ key: "intra_op_thread_count" value: {{ string_value: "1" }} }}
parameters {{ key: "inter_op_thread_count" value: {{ string_value: "1" }} }}
"""


@dataclass(frozen=True)
class Engine:
    """What runs a release, and in which precision."""

    name: str
    title: str
    options: tuple[str, ...]
    """Of `triptych export`."""
    is_calibrated: bool = False
    """Whether the exporter wants typical inputs."""


# What the exporter takes where nobody says; a test holds it to that.
USUAL_ENGINE: Final = Engine("openvino", "OpenVINO fp32", ("--engine", "openvino"))
ENGINES: Final = (
    Engine("onnxruntime", "ONNX Runtime fp32", ("--engine", "onnxruntime")),
    USUAL_ENGINE,
    Engine("openvino-bf16", "OpenVINO bf16", ("--engine", "openvino-bf16")),
    Engine("openvino-int8", "OpenVINO int8", ("--precision", "int8"), is_calibrated=True),
)


@dataclass(frozen=True)
class Network:
    """One network, in every form that a server wants."""

    name: str
    title: str
    classes: int
    engine: Engine = USUAL_ENGINE
    """Of its release; the other forms do not know of it."""

    @property
    def folder(self) -> Path:
        """Where the network itself is kept."""
        return _CACHE / self.name / "network"

    @property
    def onnx_file(self) -> Path:
        """Takes normalised float pixels [N, 3, 224, 224], answers with logits."""
        return self.folder / "model.onnx"

    @property
    def release_folder(self) -> Path:
        """Where its release on this engine is kept."""
        return _CACHE / self.name / self.engine.name

    @property
    def repository(self) -> Path:
        """Release 1 of it, for our stack."""
        return self.release_folder / "releases"

    @property
    def release(self) -> str:
        """The ensemble's name in Triton."""
        return f"{self.name}_r1"

    @property
    def plain_repository(self) -> Path:
        """The file as it is, for a Triton that others put something before."""
        return self.folder / "plain"

    @property
    def plain_model(self) -> str:
        """Its name in Triton."""
        return f"{self.name}_plain"


NETWORKS: Final = (
    Network("tiny", "tiny network", 10),
    Network("resnet18", "ResNet-18", 1000),
    Network("resnet50", "ResNet-50", 1000),
)


def prepare(network: Network) -> None:
    """Make it and export it for its engine, unless that was done with the same code already.

    Raises:
        RuntimeError: it cannot be made; the message is what was printed.
    """
    _make_once(network.folder, partial(_write_network, network))
    _make_once(network.release_folder, partial(_export, network))


def _make_once(folder: Path, make: Callable[[], None]) -> None:
    stamp, made_by = folder / "made-by", _fingerprint()
    if stamp.is_file() and stamp.read_text() == made_by:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    make()
    stamp.write_text(made_by)


def _write_network(network: Network) -> None:
    _run("-m", "benchmarks.networks", network.name, str(network.onnx_file))
    version = network.plain_repository / network.plain_model / "1"
    version.mkdir(parents=True)
    (version / "model.onnx").hardlink_to(network.onnx_file)
    config = _PLAIN_CONFIG.format(name=network.plain_model, classes=network.classes)
    (version.parent / "config.pbtxt").write_text(config)


def _export(network: Network) -> None:
    with tempfile.TemporaryDirectory(prefix="triptych-bench-") as scratch:
        calibration = _calibration(Path(scratch)) if network.engine.is_calibrated else ()
        target = ["--name", network.name, "--model-repository", str(network.repository)]
        source = ["export", str(network.onnx_file), "--untrained", "--force", *_TRANSFORM]
        _run("-m", "triptych", *source, *target, *network.engine.options, *calibration)


def _calibration(folder: Path) -> tuple[str, str]:
    for seed in _CALIBRATION_SEEDS:
        (folder / f"{seed}.jpg").write_bytes(jpeg(*COMMON_SIZE, seed))
    return "--calibration", str(folder)


def _fingerprint() -> str:
    files = sorted(file for pattern in _MADE_BY for file in _PROJECT.glob(pattern))
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def _run(*arguments: str) -> None:
    done = subprocess.run(
        [str(_PYTHON), *arguments], cwd=_PROJECT, check=False, capture_output=True, text=True
    )
    if done.returncode not in {0, _NOT_PROMOTABLE}:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")
