"""A torch module -> an ONNX graph, by tracing."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from triptych.errors import SourceUnfit
from triptych.export.loaded_model import Tensors
from triptych.export.onnx_graph import BATCH, OPSET
from triptych.export.refusal import refusing


def trace(module: torch.nn.Module, examples: Sequence[torch.Tensor]) -> onnx.ModelProto:
    """Export in evaluation mode, with the batch as the only dynamic dimension.

    Args:
        module: Tensors in, one tensor [N, C] out.
        examples: One tensor per input, with a batch of two.

    Raises:
        SourceUnfit: the network cannot be run or traced, or has an operator that ONNX lacks.
    """
    names = [f"network_{number}" for number in range(len(examples))]
    dynamic = {name: {0: BATCH} for name in [*names, "output"]}
    buffer = io.BytesIO()
    # Where an operator is missing it prints the whole graph, and its switch has no effect: torch
    # 2.13, torchscript_exporter/utils.py, setup_onnx_logging tests a function, not its answer.
    torch._C._jit_onnx_log = lambda *_: None
    with (
        refusing("The network cannot be exported to ONNX"),
        torch.no_grad(),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # of constants that tracing bakes in: sizes are fixed
        torch.onnx.export(
            module.eval(),
            tuple(examples),
            buffer,
            input_names=names,
            output_names=["output"],
            dynamic_axes=dynamic,
            opset_version=OPSET,
            dynamo=False,  # the other exporter needs onnxscript and writes a newer opset
        )
    return onnx.load_from_string(buffer.getvalue())


def count_classes(module: torch.nn.Module, examples: Sequence[torch.Tensor]) -> int:
    """Run the network once and see how many classes it answers with.

    Raises:
        SourceUnfit: it does not run on that input, or does not answer [N, C].
    """
    shapes = ", ".join(str(list(example.shape)) for example in examples)
    with refusing(f"The network does not run on an input of {shapes}"), torch.no_grad():
        answer = module.eval()(*examples)
    if not isinstance(answer, torch.Tensor) or answer.ndim != 2:
        shape = list(answer.shape) if isinstance(answer, torch.Tensor) else type(answer).__name__
        raise SourceUnfit(f"The network answers {shape}; one tensor [N, classes] is needed.")
    return int(answer.shape[1])


def runner(module: torch.nn.Module) -> Callable[[Tensors], NDArray[np.float32]]:
    """What SourceModel.infer wants: batches through the module itself."""

    def infer(tensors: Tensors) -> NDArray[np.float32]:
        batch: list[Any] = [torch.from_numpy(np.ascontiguousarray(tensor)) for tensor in tensors]
        with torch.no_grad():
            return np.asarray(module(*batch).float().numpy())

    return infer
