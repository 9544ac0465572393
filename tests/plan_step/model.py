"""Backend "tensorrt" for tests without a GPU: a "plan" names an ONNX file, and perhaps a fault.

tests/fakes/fake_tensorrt.py writes such plans. Nothing of the product knows of it.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from python_backends.onnxruntime.network import Network
from python_backends.shared import triton_io
from python_backends.shared.network_step import NetworkStep


class TritonPythonModel(NetworkStep):
    """Right, but for its fault."""

    def initialize(self, args: Mapping[str, str]) -> None:
        """Read the plan; rubbish is none, as for the real backend."""
        file = Path(args["model_repository"]) / args["model_version"] / "model.plan"
        self._plan = json.loads(file.read_text())
        super().initialize(args)

    def open_network(self, config: triton_io.ModelConfig) -> Network:  # noqa: ARG002 - the seam's signature
        """Load the graph that the plan was built from."""
        return Network(Path(self._plan["onnx"]), intra_op_threads=1, inter_op_threads=1)

    def _infer(self, *arrays: NDArray[Any]) -> list[NDArray[Any]]:
        (logits,) = super()._infer(*arrays)
        fault = self._plan.get("fault")
        if fault == "deadly" and len(logits) > 1:
            os.kill(os.getppid(), signal.SIGKILL)  # tritonserver
        if fault == "wrong":
            logits = np.roll(logits, 1, axis=1)
        if fault == "imprecise":
            logits = logits * 0.5
        return [logits]
