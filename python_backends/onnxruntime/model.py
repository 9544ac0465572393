"""Backend "onnxruntime" where Triton's native one is absent, as in the PyPI wheel.

It takes the same config.pbtxt: <version>/model.onnx, or what default_model_filename names, and the
native backend's own parameters intra_op_thread_count and inter_op_thread_count. An instance that
Triton puts on a card (KIND_GPU, and KIND_AUTO where there is one) runs there if it can.
Source: https://github.com/triton-inference-server/onnxruntime_backend, "Model Config Options".
"""

from __future__ import annotations

import logging
from pathlib import Path

import onnxruntime

from python_backends.onnxruntime.cuda_network import PROVIDER, CudaNetwork
from python_backends.onnxruntime.network import Network
from python_backends.shared import triton_io
from python_backends.shared.cores import engine_threads
from python_backends.shared.cuda import find_card
from python_backends.shared.network_step import NetworkStep

logger = logging.getLogger(__name__)


class TritonPythonModel(NetworkStep):
    """One loaded graph."""

    def open_network(self, config: triton_io.ModelConfig) -> Network | CudaNetwork:
        """Load it; see NetworkStep."""
        file = config.model_file("model.onnx")
        threads = engine_threads(config.whole_number("intra_op_thread_count", 0), config.instances)
        inter_op_threads = config.whole_number("inter_op_thread_count", 0)
        on_card = _on_card(file, config)
        self.takes_card_arrays = on_card is not None
        return on_card or Network(file, intra_op_threads=threads, inter_op_threads=inter_op_threads)


def _on_card(file: Path, config: triton_io.ModelConfig) -> CudaNetwork | None:
    """With CUDA graphs, else without, else not at all: then the processor does it."""
    if config.card is None or PROVIDER not in onnxruntime.get_available_providers():
        return None
    card = find_card(config.card)
    if card is None:
        return None
    tensors, largest = (config.inputs, config.outputs), max(config.max_batch_size, 1)
    for has_graphs in (True, False):
        how = "with" if has_graphs else "without"
        try:
            network = CudaNetwork(file, card, tensors, largest=largest, has_graphs=has_graphs)
        except Exception:  # whatever it is, the processor can do it
            logger.warning("%s: not on the card %s graphs", config.name, how, exc_info=True)
        else:
            logger.info("%s: on card %d %s CUDA graphs", config.name, card.number, how)
            return network
    return None
