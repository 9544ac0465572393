"""Backend "onnxruntime" where Triton's native one is absent, as in the PyPI wheel.

It takes the same config.pbtxt: <version>/model.onnx, or what default_model_filename names, and the
native backend's own parameters intra_op_thread_count and inter_op_thread_count.
Source: https://github.com/triton-inference-server/onnxruntime_backend, "Model Config Options".
"""

from __future__ import annotations

from python_backends.onnxruntime.network import Network
from python_backends.shared import triton_io
from python_backends.shared.cores import engine_threads
from python_backends.shared.network_step import NetworkStep


class TritonPythonModel(NetworkStep):
    """One loaded graph."""

    def open_network(self, config: triton_io.ModelConfig) -> Network:
        """Load it; see NetworkStep."""
        return Network(
            config.model_file("model.onnx"),
            intra_op_threads=engine_threads(
                config.whole_number("intra_op_thread_count", 0), config.instances
            ),
            inter_op_threads=config.whole_number("inter_op_thread_count", 0),
        )
