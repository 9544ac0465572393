"""Backend "onnxruntime" where Triton's native one is absent, as in the PyPI wheel.

It takes the same config.pbtxt: <version>/model.onnx, and the native backend's own parameters
intra_op_thread_count and inter_op_thread_count.
Source: https://github.com/triton-inference-server/onnxruntime_backend, "Model Config Options".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import onnxruntime
from numpy.typing import NDArray

from python_backends.shared import triton_io
from python_backends.shared.errors import ModelAssetError


def open_session(config: triton_io.ModelConfig) -> onnxruntime.InferenceSession:
    """Load model.onnx on the CPU.

    Raises:
        ModelAssetError: the file is missing. What ONNX Runtime itself raises goes through to
            Triton, which refuses the load with that text.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = config.whole_number("intra_op_thread_count", 0)
    options.inter_op_num_threads = config.whole_number("inter_op_thread_count", 0)
    file = config.folder / config.version / "model.onnx"
    if not file.is_file():
        raise ModelAssetError(f"{config.name}: {config.version}/model.onnx is missing")
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


class TritonPythonModel:
    """One loaded ONNX model."""

    def initialize(self, args: Mapping[str, str]) -> None:
        """Load the graph."""
        self._config = triton_io.ModelConfig.from_arguments(args)
        self._session = open_session(self._config)

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer a batch of requests with one run of the graph."""
        return triton_io.answer_requests(
            requests,
            inputs=self._config.inputs,
            outputs=self._config.outputs,
            step=self._infer,
        )

    def _infer(self, *arrays: NDArray[Any]) -> list[NDArray[Any]]:
        feeds = {spec.name: array for spec, array in zip(self._config.inputs, arrays, strict=True)}
        names = [spec.name for spec in self._config.outputs]
        answers: list[NDArray[Any]] = self._session.run(names, feeds)
        return answers
