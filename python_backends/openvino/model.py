"""Backend "openvino" where Triton's native one is absent, as in the PyPI wheel.

It takes the same config.pbtxt: <version>/model.xml, or what default_model_filename names (ONNX
too), and the native backend's own parameters.
Source: https://github.com/triton-inference-server/openvino_backend, "Parameters".
"""

from __future__ import annotations

from python_backends.openvino.network import Network
from python_backends.shared import triton_io
from python_backends.shared.network_step import NetworkStep


class TritonPythonModel(NetworkStep):
    """One compiled network."""

    def open_network(self, config: triton_io.ModelConfig) -> Network:
        """Compile it; see NetworkStep."""
        return Network(config.model_file("model.xml"), config.parameters, config.instances)
