"""A plain loop that does what a release does, with the very same code and no server around it.

python -m benchmarks.comparison.same_code_floor REPOSITORY/NAME_rN PICTURES BATCH: see `floor_loop`.

The release's own decoder, reduced as its quick_margin says, its engine on as many threads as its
config.pbtxt gives it, and its postprocessing. What a server costs beyond this is moving things.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from google.protobuf import text_format
from numpy.typing import NDArray
from tritonclient.grpc import model_config_pb2

from benchmarks.comparison.floor_loop import answer
from python_backends.image_preprocess.decode_limits import DecodeLimits
from python_backends.onnxruntime.network import Network as OnnxRuntimeNetwork
from python_backends.openvino.network import Network as OpenVinoNetwork
from python_backends.shared.classification import classify
from python_backends.shared.contract import LABEL, LOGITS, PIXELS
from python_backends.shared.image_batch import preprocess_images
from python_backends.shared.image_transform import ImageTransform

_VERSION: Final = "1"
_THREADS: Final = {
    "onnxruntime": "intra_op_thread_count",
    "openvino": "INFERENCE_NUM_THREADS",
}


class _Network(Protocol):
    def infer(
        self, feeds: Mapping[str, NDArray[Any]], outputs: Sequence[str]
    ) -> list[NDArray[Any]]: ...


class SameCodeFloor:
    """Decodes, resizes, infers, and names the best classes.

    Args:
        release: The folder of an image release's ensemble; its steps lie beside it.
    """

    def __init__(self, release: Path) -> None:
        step = _config(release, "_preprocess")
        parameters = _parameters(step)
        height, width = next(it.dims[:2] for it in step.output if it.name == PIXELS.name)
        self.transform = ImageTransform.from_parameters(height, width, parameters)
        self._max_pixels = DecodeLimits.from_parameters(parameters).max_pixels
        answers = _config(release, "")
        self._k = next(it.dims[0] for it in answers.output if it.name == LABEL.name)
        labels = (_folder(release, "_postprocess") / "labels.txt").read_bytes().splitlines()
        self._labels = np.array(labels, np.object_)
        self.network = _open_network(release)

    def classify(self, encoded: NDArray[Any]) -> NDArray[np.object_]:
        """Answer a batch.

        Args:
            encoded: [N, 1], object, each element the bytes of one encoded image.

        Returns:
            Labels [N, k], object (bytes), highest score first.
        """
        pixels, status = preprocess_images(encoded, self.transform, max_pixels=self._max_pixels)
        (logits,) = self.network.infer({PIXELS.name: pixels}, [LOGITS.name])
        return classify(logits, status, self._labels, self._k)[0]


def loops_for(release: Path, cores: int) -> int:
    """How many such processes keep so many cores busy, each on its engine's own threads."""
    return max(1, cores // _threads(_config(release, "_model")))


def _threads(config: Any) -> int:  # noqa: ANN401 - protobuf has no types
    """Of one inference; 0 in a configuration is all cores."""
    asked = int(_parameters(config).get(_THREADS[config.backend], "0"))
    return asked or len(os.sched_getaffinity(0))


def _open_network(release: Path) -> _Network:
    """Open it as its backend does."""
    folder, config = _folder(release, "_model") / _VERSION, _config(release, "_model")
    parameters = _parameters(config)
    if config.backend == "openvino":
        return OpenVinoNetwork(folder / (config.default_model_filename or "model.xml"), parameters)
    return OnnxRuntimeNetwork(
        folder / (config.default_model_filename or "model.onnx"),
        intra_op_threads=_threads(config),
        inter_op_threads=int(parameters.get("inter_op_thread_count", "0")),
    )


def _folder(release: Path, step: str) -> Path:
    return release.with_name(release.name + step)


def _config(release: Path, step: str) -> Any:  # noqa: ANN401 - as above
    text = (_folder(release, step) / "config.pbtxt").read_text()
    return text_format.Parse(text, model_config_pb2.ModelConfig())


def _parameters(config: Any) -> dict[str, str]:  # noqa: ANN401 - as above
    return {name: it.string_value for name, it in config.parameters.items()}


def main() -> None:
    """Classify one batch after the other."""
    release, folder, batch = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    pictures = [file.read_bytes() for file in sorted(folder.glob("*.jpg"))]
    floor = SameCodeFloor(release)

    def step(number: int) -> int:
        taken = [pictures[(number + place) % len(pictures)] for place in range(batch)]
        floor.classify(np.array(taken, np.object_).reshape(batch, 1))
        return batch

    answer(step)


if __name__ == "__main__":
    main()
