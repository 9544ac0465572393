"""The model step of the product, with a fault that only marked pictures meet.

A test's release carries this file as its own model.py (`backend: "python"`); nothing of the product
knows of it. Which fault it has, its configuration says: `fault` and, for slow ones, `slow_ms`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils
from numpy.typing import NDArray

from python_backends.onnxruntime.model import TritonPythonModel as ModelStep

# Pure blue and red, no green: JPEG changes it a little, and no golden picture has such a corner.
_MARK = np.array([255, 0, 255])
_TOLERANCE = 40


class TritonPythonModel(ModelStep):
    """Right, but for its fault."""

    def initialize(self, args: Mapping[str, str]) -> None:
        """Load the graph, and learn which fault to have."""
        # For its own backend Triton fills in which file is the default: this one.
        config = json.loads(args["model_config"]) | {"default_model_filename": ""}
        super().initialize({**args, "model_config": json.dumps(config)})
        parameters = self._config.parameters
        self._fault = parameters["fault"]
        self._slow_seconds = float(parameters.get("slow_ms", "0")) / 1000

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer a batch of requests; with the fault "error", fail those that hold a mark."""
        if self._fault == "slow":
            time.sleep(self._slow_seconds)
        if self._fault != "error":
            return super().execute(requests)
        answers = super().execute(requests)
        return [
            _failure() if _marked(_pixels(request)).any() else answer
            for request, answer in zip(requests, answers, strict=True)
        ]

    def _infer(self, *arrays: NDArray[Any]) -> list[NDArray[Any]]:
        (logits,) = super()._infer(*arrays)
        if self._fault == "wrong":
            marked = _marked(arrays[0])
            logits[marked] = np.roll(logits[marked], 1, axis=1)
        return [logits]


def _pixels(request: Any) -> NDArray[Any]:
    return np.asarray(pb_utils.get_input_tensor_by_name(request, "PIXELS").as_numpy())


def _marked(pixels: NDArray[Any]) -> NDArray[np.bool_]:
    """[N, H, W, 3] -> [N]."""
    corner = pixels[:, 2:6, 2:6].reshape(len(pixels), -1, 3).mean(axis=1)
    found: NDArray[np.bool_] = (np.abs(corner - _MARK) < _TOLERANCE).all(axis=1)
    return found


def _failure() -> Any:
    return pb_utils.InferenceResponse(
        output_tensors=[], error=pb_utils.TritonError("the fault of this release")
    )
