"""The size of a network, which decides on its engine's threads."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from triptych.export.multiply_accumulates import count_multiply_accumulates

Shape = tuple[int, ...]


def network(
    nodes: list[onnx.NodeProto], weights: dict[str, Shape], outputs: int = 4
) -> onnx.ModelProto:
    """[N, 6, 8, 10] -> [N, outputs]."""
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["N", 6, 8, 10])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", outputs])
    constants = [
        numpy_helper.from_array(np.ones(shape, np.float32), name) for name, shape in weights.items()
    ]
    graph = helper.make_graph(nodes, "by hand", [picture], [scores], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def averaged(tensor: str) -> onnx.NodeProto:
    return helper.make_node("ReduceMean", [tensor], ["scores"], axes=[2, 3], keepdims=0)


@pytest.mark.parametrize(
    ("groups", "per_number"), [(1, 6 * 3 * 3), (2, 3 * 3 * 3)], ids=["plain", "in groups"]
)
def test_a_convolution_counts_its_window_for_each_number_of_its_output(
    groups: int, per_number: int
) -> None:
    convolution = helper.make_node(
        "Conv", ["picture", "w"], ["seen"], strides=[2, 2], pads=[1, 1, 1, 1], group=groups
    )
    model = network([convolution, averaged("seen")], {"w": (4, 6 // groups, 3, 3)})

    assert count_multiply_accumulates(model) == 4 * 4 * 5 * per_number


def test_products_of_matrices_count_their_inner_dimension() -> None:
    flat = helper.make_node("ReduceMean", ["picture"], ["mean"], axes=[2, 3], keepdims=0)
    gemm = helper.make_node("Gemm", ["mean", "w"], ["hidden"], transB=1)
    product = helper.make_node("MatMul", ["hidden", "v"], ["scores"])
    model = network([flat, gemm, product], {"w": (5, 6), "v": (5, 4)})

    assert count_multiply_accumulates(model) == 6 * 5 + 5 * 4


def test_a_shape_that_the_network_computes_is_followed() -> None:
    # As PyTorch writes x.reshape(len(x), -1).
    shape = helper.make_node("Shape", ["picture"], ["shape"], end=1)
    rest = helper.make_node("Constant", [], ["rest"], value_ints=[-1])
    joined = helper.make_node("Concat", ["shape", "rest"], ["wanted"], axis=0)
    flat = helper.make_node("Reshape", ["picture", "wanted"], ["flat"])
    product = helper.make_node("MatMul", ["flat", "w"], ["scores"])
    model = network([shape, rest, joined, flat, product], {"w": (480, 4)})

    assert count_multiply_accumulates(model) == 480 * 4


def test_what_only_the_numbers_decide_counts_as_nothing() -> None:
    flat = helper.make_node("Flatten", ["picture"], ["flat"])
    # How many there are hangs on the picture.
    found = helper.make_node("NonZero", ["flat"], ["found"])
    places = helper.make_node("Cast", ["found"], ["places"], to=TensorProto.FLOAT)
    square = helper.make_node("Transpose", ["places"], ["square"], perm=[1, 0])
    uncounted = helper.make_node("MatMul", ["square", "u"], ["rows"])
    summed = helper.make_node("ReduceMean", ["rows"], ["sum"], axes=[0], keepdims=1)
    counted = helper.make_node("MatMul", ["flat", "w"], ["own"])
    scores = helper.make_node("Add", ["own", "sum"], ["scores"])
    nodes = [flat, found, places, square, uncounted, summed, counted, scores]

    assert count_multiply_accumulates(network(nodes, {"u": (2, 4), "w": (480, 4)})) == 480 * 4


def test_a_network_that_onnx_runtime_does_not_take_is_of_no_known_size() -> None:
    strange = helper.make_node("Unheard", ["picture"], ["scores"], domain="nobody")

    assert count_multiply_accumulates(network([strange], {})) == 0
