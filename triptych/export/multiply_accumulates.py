"""How much a network computes for one item: counted in its graph, so always the same.

Only imported where a source is converted: the light environment has no onnx.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from math import prod
from pathlib import Path

import onnx
import onnxruntime

from triptych.errors import SourceUnfit
from triptych.export.refusal import refusing

Shapes = Mapping[str, tuple[int, ...]]


def count_multiply_accumulates(model: onnx.ModelProto) -> int:
    """Count the products of a network's convolutions and matrices.

    Args:
        model: A served graph; the first dimension of every input is the batch.

    Returns:
        Multiply-accumulates of one item. What has no shape before the network runs counts as
        nothing, as every other operator does; 0 where ONNX Runtime does not take the network.
    """
    try:
        with refusing("The network cannot be counted"):
            graph = onnx.shape_inference.infer_shapes(_folded(model)).graph
    except SourceUnfit:
        return 0
    shapes = _known_shapes(graph)
    return sum(_products(node, shapes) for node in graph.node)


def _folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """The network for one item, without the nodes that only compute shapes.

    Transformers are full of those, and ONNX's own inference does not see through them.
    """
    single = onnx.ModelProto()
    single.CopyFrom(model)
    for tensor in single.graph.input:
        tensor.type.tensor_type.shape.dim[0].dim_value = 1
    with tempfile.TemporaryDirectory(prefix="triptych-count-") as scratch:
        file = Path(scratch) / "folded.onnx"
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors: a graph that was folded is not to be run
        options.optimized_model_filepath = str(file)
        # The level whose operators are ONNX's own.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        onnxruntime.InferenceSession(
            single.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return onnx.load(file)


def _known_shapes(graph: onnx.GraphProto) -> Shapes:
    known = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for tensor in (*graph.input, *graph.value_info, *graph.output):
        dims = tensor.type.tensor_type.shape.dim
        if all(dim.HasField("dim_value") for dim in dims):
            known[tensor.name] = tuple(dim.dim_value for dim in dims)
    return known


def _products(node: onnx.NodeProto, shapes: Shapes) -> int:
    """For each number of the output, as many as are summed up in it."""
    if node.op_type not in {"Conv", "Gemm", "MatMul"}:
        return 0
    try:
        left, right, result = (shapes[name] for name in (*node.input[:2], node.output[0]))
    except KeyError:
        return 0
    if node.op_type == "Conv":
        return prod(result) * prod(right[1:])  # [channels out, channels in of a group, ...]
    return prod(result) * left[-1]
