"""A graph in ONNX Runtime on an NVIDIA card. No Triton in here.

A CUDA graph starts the whole network with one call, but always reads and writes the same addresses,
and belongs to one batch size. So there is one buffer per tensor, and a graph for each of a few
sizes; any other batch is computed as the next larger one, whose last rows nobody reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime

from python_backends.shared.contract import TensorSpec
from python_backends.shared.cuda import Array, Card, to_host

PROVIDER: Final = "CUDAExecutionProvider"
_DTYPES: Final[dict[str, type[np.generic]]] = {
    "UINT8": np.uint8,
    "INT64": np.int64,
    "FP32": np.float32,
}
_OPTIONS: Final = {
    # Takes seconds for each batch size, all of which are run while the model loads.
    "cudnn_conv_algo_search": "EXHAUSTIVE",
    # Channels last is what the tensor cores compute in; only fp16 gets there.
    "prefer_nhwc": "1",
    # Products of ten bits would move the scores of a network that was released with fp32 weights.
    "use_tf32": "0",
}


class CudaUnavailable(Exception):
    """ONNX Runtime would not compute on the card, or not this network."""


def batch_sizes(largest: int) -> list[int]:
    """Powers of two and the largest, in order: the same as a TensorRT plan has graphs for."""
    return sorted({largest, *(2**n for n in range(largest.bit_length()))})


class CudaNetwork:
    """One session on a card, with its buffers.

    Args:
        file: ONNX.
        card: Where it runs.
        tensors: What goes in and what comes out, of fixed sizes; the batch comes on top.
        largest: Batch.
        has_graphs: Whether each batch size is captured in a CUDA graph.

    Raises:
        CudaUnavailable: the provider is not there, or a tensor's size is open.
        Exception: ONNX Runtime's own; it has no common class of them.
    """

    def __init__(
        self,
        file: Path,
        card: Card,
        tensors: tuple[Sequence[TensorSpec], Sequence[TensorSpec]],
        *,
        largest: int,
        has_graphs: bool = True,
    ) -> None:
        self._card = card
        self._inputs, self._outputs = tensors
        specs = [*self._inputs, *self._outputs]
        if any(side < 1 for spec in specs for side in spec.shape):
            raise CudaUnavailable("a tensor has an open dimension")
        self.session = _session(file, card, has_graphs=has_graphs)
        self._buffers = {
            spec.name: card.zeros((largest, *spec.shape), _DTYPES[spec.dtype]) for spec in specs
        }
        self.sizes = batch_sizes(largest)
        self._bindings = {size: self._bind(size) for size in self.sizes}
        for size in self.sizes:
            self.run(size)  # chooses kernels and captures, before anybody waits for it

    def infer(self, feeds: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """Run the graph over a batch.

        Args:
            feeds: By tensor name, [N, ...], on the card or not.
            outputs: Names of what is wanted.

        Returns:
            [N, ...] of each named one; not on the card.
        """
        items = len(next(iter(feeds.values())))
        for name, array in feeds.items():
            self._buffers[name][:items] = self._card.take(array)
        self.run(next(size for size in self.sizes if size >= items))
        return [to_host(self._buffers[name][:items]) for name in outputs]

    def run(self, size: int) -> None:
        """Run the network over what lies in its buffers, one of `sizes`, and wait for its end."""
        self._card.wait()  # for the copies: ONNX Runtime has a stream of its own
        options = onnxruntime.RunOptions()
        options.add_run_config_entry("gpu_graph_id", str(size))  # without graphs nobody reads it
        self.session.run_with_iobinding(self._bindings[size], options)

    def _bind(self, size: int) -> onnxruntime.IOBinding:
        binding = self.session.io_binding()
        for bind, specs in (
            (binding.bind_input, self._inputs),
            (binding.bind_output, self._outputs),
        ):
            for spec in specs:
                shape, address = [size, *spec.shape], self._card.address(self._buffers[spec.name])
                place = "cuda", self._card.number, _DTYPES[spec.dtype]
                bind(spec.name, *place, shape, address)
        return binding


def _session(file: Path, card: Card, *, has_graphs: bool) -> onnxruntime.InferenceSession:
    options = {**_OPTIONS, "device_id": str(card.number), "enable_cuda_graph": str(int(has_graphs))}
    onnxruntime.preload_dlls()
    providers = [(PROVIDER, options), "CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(file, providers=providers)
    if PROVIDER not in session.get_providers():  # it says so in its log, and goes on without
        raise CudaUnavailable(f"ONNX Runtime has no {PROVIDER} that works here")
    session.disable_fallback()
    return session
