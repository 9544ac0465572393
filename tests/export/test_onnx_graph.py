"""How a network's graph becomes the one that is served, in small graphs made by hand."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from tests.export.graph_rules import assert_graph_rules
from triptych.errors import SourceUnfit
from triptych.export.loaded_model import SourceModel, Tensors
from triptych.export.normalisation import Normalisation
from triptych.export.onnx_graph import ends_in_softmax, serve_images, serve_texts
from triptych.export.sources.source_answers import answering

PLAIN = Normalisation.of((0.0,) * 3, (1.0,) * 3)
PIXELS = np.random.default_rng(0).integers(0, 256, (4, 2, 5, 3), np.uint8)
Nodes = list[onnx.NodeProto]


def mean_of_channels(result: str) -> onnx.NodeProto:
    """A network's body: [N, 3, H, W] -> [N, 3]."""
    return helper.make_node("ReduceMean", ["image"], [result], axes=[2, 3], keepdims=0)


def network(
    nodes: Nodes,
    *,
    output: str = "scores",
    kind: int = TensorProto.FLOAT,
    shape: tuple[object, ...] = ("N", 3, 2, 5),
    opset: int = 17,
) -> onnx.ModelProto:
    image = helper.make_tensor_value_info("image", kind, shape)
    scores = helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", 3])
    graph = helper.make_graph(nodes, "by hand", [image], [scores])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def no_picture(_encoded: bytes) -> Tensors:
    raise NotImplementedError


def run(model: onnx.ModelProto, pixels: NDArray[np.uint8] = PIXELS) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return np.asarray(session.run(["LOGITS"], {"PIXELS": pixels})[0])


@pytest.mark.parametrize(
    "normalisation",
    [
        PLAIN,
        Normalisation.of((0.5, 0.4, 0.3), (0.1, 0.2, 0.3)),
        Normalisation.of((0.5, 0.4, 0.3), (0.1, 0.2, 0.3), channels=(2, 1, 0)),
    ],
    ids=["plain", "per channel", "blue first"],
)
def test_the_normalisation_in_the_graph_is_the_one_that_was_declared(
    normalisation: Normalisation,
) -> None:
    served = serve_images(network([mean_of_channels("scores")]), normalisation, 2, 5, 3)

    assert_graph_rules(served)
    expected = normalisation.apply(PIXELS).mean(axis=(2, 3))
    np.testing.assert_allclose(run(served), expected, atol=1e-5)


@pytest.mark.parametrize("axis", [-1, 1])
def test_a_softmax_at_the_end_is_taken_off_because_logits_are_served(axis: int) -> None:
    softmax = helper.make_node("Softmax", ["logits"], ["scores"], axis=axis)
    whole = network([mean_of_channels("logits"), softmax])

    served = serve_images(whole, PLAIN, 2, 5, 3)

    assert ends_in_softmax(whole.graph)
    assert "Softmax" not in {node.op_type for node in served.graph.node}
    np.testing.assert_allclose(run(served), PIXELS.mean(axis=(1, 2)) / 255, atol=1e-6)


def test_a_softmax_over_the_batch_is_part_of_the_network() -> None:
    softmax = helper.make_node("Softmax", ["logits"], ["scores"], axis=0)
    whole = network([mean_of_channels("logits"), softmax])

    served = serve_images(whole, PLAIN, 2, 5, 3)

    assert not ends_in_softmax(whole.graph)
    np.testing.assert_allclose(run(served).sum(axis=0), 1, atol=1e-5)


def test_probabilities_of_a_source_become_logits_whose_softmax_they_are() -> None:
    softmax = helper.make_node("Softmax", ["logits"], ["scores"], axis=1)
    given = np.array([[0.5, 0.5, 0.0]], np.float32)

    def source(*nodes: onnx.NodeProto) -> SourceModel:
        return answering(network(list(nodes)), lambda tensors: tensors[0], no_picture, PLAIN, "")

    probabilities = source(mean_of_channels("logits"), softmax)
    logits = source(mean_of_channels("scores"))

    assert not probabilities.has_logits
    assert np.isfinite(probabilities.infer((given,))).all()
    np.testing.assert_allclose(np.exp(probabilities.infer((given,))), given, atol=1e-7)
    assert logits.has_logits
    np.testing.assert_array_equal(logits.infer((given,)), given)


def test_names_of_ours_in_the_network_are_no_obstacle() -> None:
    served = serve_images(network([mean_of_channels("LOGITS")], output="LOGITS"), PLAIN, 2, 5, 3)

    assert_graph_rules(served)
    np.testing.assert_allclose(run(served), PIXELS.mean(axis=(1, 2)) / 255, atol=1e-6)


@pytest.mark.parametrize("opset", [13, 18])
def test_other_operator_sets_are_brought_to_ours(opset: int) -> None:
    relu = helper.make_node("GlobalAveragePool", ["image"], ["mean"])
    flat = helper.make_node("Flatten", ["mean"], ["scores"])

    served = serve_images(network([relu, flat], opset=opset), PLAIN, 2, 5, 3)

    assert_graph_rules(served)
    np.testing.assert_allclose(run(served), PIXELS.mean(axis=(1, 2)) / 255, atol=1e-6)


def test_what_the_answer_does_not_need_is_dropped() -> None:
    unused = helper.make_node("Relu", ["image"], ["active"])

    served = serve_images(network([unused, mean_of_channels("scores")]), PLAIN, 2, 5, 3)

    assert "Relu" not in {node.op_type for node in served.graph.node}


def test_a_network_that_takes_bytes_is_refused() -> None:
    cast = helper.make_node("Cast", ["image"], ["scores"], to=TensorProto.FLOAT)

    with pytest.raises(SourceUnfit, match="does not take float pixels"):
        serve_images(network([cast], kind=TensorProto.UINT8), PLAIN, 2, 5, 3)


def test_two_outputs_are_one_too_many() -> None:
    model = network([mean_of_channels("scores"), mean_of_channels("more")])
    model.graph.output.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, ["N", 3]))

    with pytest.raises(SourceUnfit, match=r"has 2 outputs \(scores, more\); one is needed"):
        serve_images(model, PLAIN, 2, 5, 3)


def test_a_text_network_needs_ids_and_a_mask() -> None:
    with pytest.raises(SourceUnfit, match=r"has 1 inputs \(image\); 2 needed"):
        serve_texts(network([mean_of_channels("scores")]), 8, 3)


def test_an_operator_that_not_every_engine_has_is_refused() -> None:
    strange = helper.make_node("Gelu", ["mean"], ["scores"], domain="com.microsoft")
    model = network([mean_of_channels("mean"), strange])
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))

    with pytest.raises(SourceUnfit, match=r"operator sets that not every engine has.*microsoft"):
        serve_images(model, PLAIN, 2, 5, 3)
