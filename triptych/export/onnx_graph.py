"""From a network as its framework exported it to the graph that is served. onnx protos in and out.

Only imported where a source is converted: the light environment has no onnx.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import onnx
from onnx import helper, numpy_helper, version_converter

from python_backends.shared.contract import ATTENTION_MASK, INPUT_IDS, LOGITS, PIXELS
from triptych.errors import SourceUnfit, first_line
from triptych.export.normalisation import Normalisation
from triptych.export.refusal import refusing

OPSET: Final = 17
IR_VERSION: Final = 8  # runtimes of 2022 and later load it; 9 is the most that may be served
BATCH: Final = "N"
_FLOAT: Final = onnx.TensorProto.FLOAT
_ONLY_SHAPE: Final = frozenset({"Identity", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Cast"})
# Names that the served graph gives; a network that happens to use one has its own renamed.
_RESERVED: Final = (
    PIXELS.name,
    INPUT_IDS.name,
    ATTENTION_MASK.name,
    LOGITS.name,
    "pixel_scale",
    "pixel_offset",
    "pixel_channels",
)
_NETWORK_INPUT: Final = "network_input"
# Protobuf refuses larger messages, and external data would be a second file.
_LARGEST_BYTES: Final = 2**31 - 1


def serve_images(
    network: onnx.ModelProto, normalisation: Normalisation, height: int, width: int, classes: int
) -> onnx.ModelProto:
    """Put a Cast and the normalisation before an image network, and logits at its end.

    Args:
        network: One float input of four dimensions, one output [N, C].
        normalisation: What the network takes.
        height: Pixels.
        width: Pixels.
        classes: C.

    Returns:
        PIXELS uint8 [N, height, width, 3] -> LOGITS float32 [N, classes].

    Raises:
        SourceUnfit: the network is none of that.
    """
    model = _at_opset(network)
    graph = model.graph
    (image,) = _inputs(graph, 1)
    if image.type.tensor_type.elem_type != _FLOAT:
        raise SourceUnfit("The network does not take float pixels; export it before quantising.")
    _rename(graph, image.name, _NETWORK_INPUT)
    nodes, constants = _front(normalisation, _NETWORK_INPUT)
    graph.initializer.extend(constants)
    body = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *body])
    dims = [BATCH, height, width, 3]
    _replace_inputs(
        graph, [helper.make_tensor_value_info(PIXELS.name, onnx.TensorProto.UINT8, dims)]
    )
    return _finish(model, classes)


def serve_texts(network: onnx.ModelProto, max_tokens: int, classes: int) -> onnx.ModelProto:
    """Name the tensors of a text network, whose inputs are token ids and attention mask.

    Returns:
        INPUT_IDS, ATTENTION_MASK int64 [N, max_tokens] -> LOGITS float32 [N, classes].

    Raises:
        SourceUnfit: the network is none of that.
    """
    model = _at_opset(network)
    specs = (INPUT_IDS.name, ATTENTION_MASK.name)
    for old, new in zip(_inputs(model.graph, 2), specs, strict=True):
        _rename(model.graph, old.name, new)
    integers = [
        helper.make_tensor_value_info(name, onnx.TensorProto.INT64, [BATCH, max_tokens])
        for name in specs
    ]
    _replace_inputs(model.graph, integers)
    return _finish(model, classes)


def check_served(model: onnx.ModelProto) -> None:
    """See that a graph keeps what serving relies on.

    Raises:
        SourceUnfit: it does not; the sentence says what.
    """
    if model.ByteSize() > _LARGEST_BYTES:
        raise SourceUnfit(f"The graph has {model.ByteSize()} bytes; 2 GiB is the most that works.")
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as exc:
        raise SourceUnfit(f"The exported graph is not valid ONNX: {first_line(exc)}") from exc
    domains = {opset.domain: opset.version for opset in model.opset_import}
    if domains != {"": OPSET}:
        raise SourceUnfit(f"The graph needs operator sets that not every engine has: {domains}.")
    consumers = [node.op_type for node in model.graph.node if PIXELS.name in node.input]
    is_image = any(tensor.name == PIXELS.name for tensor in model.graph.input)
    if is_image and consumers != ["Cast"]:
        raise SourceUnfit(
            f"{PIXELS.name} feeds {consumers}; TensorRT takes uint8 only into a Cast."
        )


def _front(
    normalisation: Normalisation, image: str
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Cast, choose channels, scale, shift and turn axes; each step only where it does something."""
    constants = [
        numpy_helper.from_array(np.array(normalisation.scale, np.float32), "pixel_scale"),
        numpy_helper.from_array(np.array(normalisation.offset, np.float32), "pixel_offset"),
    ]
    steps: list[tuple[str, list[str], dict[str, object]]] = [("Cast", [], {"to": _FLOAT})]
    if normalisation.channels != (0, 1, 2):
        order = np.array(normalisation.channels, np.int64)
        constants.append(numpy_helper.from_array(order, "pixel_channels"))
        steps.append(("Gather", ["pixel_channels"], {"axis": 3}))
    steps += [("Mul", ["pixel_scale"], {}), ("Add", ["pixel_offset"], {})]
    if normalisation.is_channels_first:
        steps.append(("Transpose", [], {"perm": [0, 3, 1, 2]}))
    nodes, current = [], PIXELS.name
    for number, (kind, others, attributes) in enumerate(steps, start=1):
        result = image if number == len(steps) else f"pixels_{number}"
        nodes.append(
            helper.make_node(kind, [current, *others], [result], f"front_{kind}", **attributes)
        )
        current = result
    return nodes, constants


def _finish(model: onnx.ModelProto, classes: int) -> onnx.ModelProto:
    graph = model.graph
    if len(graph.output) != 1:
        names = ", ".join(tensor.name for tensor in graph.output)
        raise SourceUnfit(f"The network has {len(graph.output)} outputs ({names}); one is needed.")
    old = _before_softmax(graph, graph.output[0].name)
    graph.node.append(helper.make_node("Identity", [old], [LOGITS.name], "logits"))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(LOGITS.name, _FLOAT, [BATCH, classes]))
    del graph.value_info[:]  # shapes from before; they are inferred anew
    _drop_unused(graph)
    model.ir_version = IR_VERSION
    check_served(model)
    return model


def _before_softmax(graph: onnx.GraphProto, output: str) -> str:
    """The tensor that holds logits: the output, or what its final softmax takes.

    Raises:
        SourceUnfit: the classes do not exclude each other.
    """
    shaped = _last_node(graph, output, _ONLY_SHAPE)
    if shaped is not None and shaped.op_type == "Sigmoid":
        raise SourceUnfit(
            "The network ends in a sigmoid, so its classes do not exclude each other; "
            "only single-label classification can be served."
        )
    node = _last_node(graph, output)
    if node is None or not _is_softmax(node):
        return output
    return str(node.input[0])  # what lies behind is nobody's input any more


def ends_in_softmax(graph: onnx.GraphProto) -> bool:
    """Whether a network answers with probabilities."""
    node = _last_node(graph, graph.output[0].name)
    return node is not None and _is_softmax(node)


def _is_softmax(node: onnx.NodeProto) -> bool:
    """Whether it makes probabilities of the classes, the second and last dimension."""
    axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), -1)
    return node.op_type == "Softmax" and axis in {-1, 1}


def _last_node(
    graph: onnx.GraphProto, output: str, passed: frozenset[str] = frozenset({"Identity"})
) -> onnx.NodeProto | None:
    """The last node that does something; those of the kinds in `passed` are looked through."""
    producers = {name: node for node in graph.node for name in node.output}
    node = producers.get(output)
    while node is not None and node.op_type in passed:
        node = producers.get(node.input[0])
    return node


def _at_opset(network: onnx.ModelProto) -> onnx.ModelProto:
    model = onnx.ModelProto()
    model.CopyFrom(network)
    used = {node.domain for node in model.graph.node}
    kept = [opset for opset in model.opset_import if opset.domain in used | {"", "ai.onnx"}]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    _make_room(model.graph)
    version = next((opset.version for opset in kept if opset.domain in {"", "ai.onnx"}), 0)
    if version == OPSET:
        return model
    with refusing(f"The graph has opset {version} and cannot be brought to {OPSET}"):
        return version_converter.convert_version(model, OPSET)


def _drop_unused(graph: onnx.GraphProto) -> None:
    needed = {tensor.name for tensor in graph.output}
    kept = []
    for node in reversed(graph.node):  # ONNX keeps nodes in topological order
        if needed.intersection(node.output):
            needed.update(node.input)
            # Whatever a branch or a loop takes from outside is named in its own graph.
            subgraphs = [attribute.g for attribute in node.attribute if attribute.HasField("g")]
            needed.update(name for sub in subgraphs for it in sub.node for name in it.input)
            kept.append(node)
    del graph.node[:]
    graph.node.extend(reversed(kept))
    weights = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.initializer[:]
    graph.initializer.extend(weights)


def _inputs(graph: onnx.GraphProto, wanted: int) -> list[onnx.ValueInfoProto]:
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [tensor for tensor in graph.input if tensor.name not in constants]
    if len(inputs) != wanted:
        names = ", ".join(tensor.name for tensor in inputs)
        raise SourceUnfit(f"The network has {len(inputs)} inputs ({names}); {wanted} needed.")
    return inputs


def _replace_inputs(graph: onnx.GraphProto, inputs: list[onnx.ValueInfoProto]) -> None:
    del graph.input[:]
    graph.input.extend(inputs)


def _make_room(graph: onnx.GraphProto) -> None:
    for name in _RESERVED:
        _rename(graph, name, f"network_{name}")


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    for tensor in (*graph.input, *graph.output, *graph.initializer, *graph.value_info):
        tensor.name = new if tensor.name == old else tensor.name
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]
