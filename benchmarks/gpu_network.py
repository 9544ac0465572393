"""ResNet-50 in fp16 as a release, made once and kept in .cache/bench/gpu/; its weights are random.

.venv-export/bin/python -m benchmarks.gpu_network SOURCE FILE: the same network with weights and
products of 16 bits, which takes and answers 32 as before.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.pictures import COMMON_SIZE, jpeg
from triptych.routing import ReleaseName

RELEASE: Final = ReleaseName("resnet50half", 1)
LARGEST_BATCH: Final = 64
PICTURES: Final = 8
_PROJECT: Final = Path(__file__).resolve().parents[1]
_FOLDER: Final = _PROJECT / ".cache" / "bench" / "gpu"
REPOSITORY: Final = _FOLDER / "releases"
_PYTHON: Final = _PROJECT / ".venv-export" / "bin" / "python"
_NOT_PROMOTABLE: Final = 3  # exit code of `triptych export`: random weights prove nothing
_SUFFIX: Final = "_half"
_TRANSFORM: Final = (
    *("--resize", "stretch", "--filter", "bilinear"),
    *("--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225"),
)


def pictures() -> list[bytes]:
    """What is sent, and what the card has to prove itself with: JPEGs of the common size."""
    return [jpeg(*COMMON_SIZE, seed) for seed in range(PICTURES)]


def prepare() -> None:
    """Make the release, unless it is there; remove .cache/bench/gpu/ to have it made anew.

    Raises:
        RuntimeError: it cannot be made; the message is what was printed.
    """
    if (REPOSITORY / str(RELEASE) / "release.json").is_file():
        return
    golden = _FOLDER / "golden"
    golden.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(pictures()):
        (golden / f"{number}.jpg").write_bytes(picture)
    full, half = _FOLDER / "full.onnx", _FOLDER / "half.onnx"
    _run("-m", "benchmarks.networks", "resnet50", str(full))
    _run("-m", "benchmarks.gpu_network", str(full), str(half))
    source = ["export", str(half), "--untrained", "--force", *_TRANSFORM, "--golden", str(golden)]
    target = ["--name", RELEASE.alias, "--model-repository", str(REPOSITORY)]
    served = ["--engine", "onnxruntime", "--max-batch-size", str(LARGEST_BATCH)]
    _run("-m", "triptych", *source, *target, *served)


def _run(*arguments: str) -> None:
    done = subprocess.run(
        [str(_PYTHON), *arguments], cwd=_PROJECT, check=False, capture_output=True, text=True
    )
    if done.returncode not in {0, _NOT_PROMOTABLE}:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")


def halve(model: Any) -> Any:  # noqa: ANN401 - onnx carries no types
    """Turn a network of `benchmarks.networks` into fp16, between a cast before and one behind it.

    Args:
        model: Float in, float out; changed in place.
    """
    # Only the environment of the exporter has it.
    import onnx  # noqa: PLC0415

    graph, float16 = model.graph, onnx.TensorProto.FLOAT16
    for weight in graph.initializer:
        values = onnx.numpy_helper.to_array(weight).astype(np.float16)
        weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
    given, wanted = graph.input[0].name, graph.output[0].name
    for node in graph.node:
        for names, outer in ((node.input, given), (node.output, wanted)):
            for place, name in enumerate(names):
                if name == outer:
                    names[place] = name + _SUFFIX
    before = onnx.helper.make_node("Cast", [given], [given + _SUFFIX], to=float16)
    behind = onnx.helper.make_node("Cast", [wanted + _SUFFIX], [wanted], to=onnx.TensorProto.FLOAT)
    graph.node.insert(0, before)
    graph.node.append(behind)
    onnx.checker.check_model(model)
    return model


def main() -> None:
    """Write one."""
    # As above.
    import onnx  # noqa: PLC0415

    source, file = sys.argv[1:]
    onnx.save(halve(onnx.load(source)), file)


if __name__ == "__main__":
    main()
