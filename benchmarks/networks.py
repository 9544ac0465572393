"""Write the networks that the report measures: ONNX files of a known size, their weights random.

.venv-export/bin/python -m benchmarks.networks NAME FILE

Speed does not hang on what the weights are; that they are random is why the parity gate of their
releases says "not meaningful" and they are exported with --force.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

INPUT: Final = "input"
OUTPUT: Final = "logits"
SIZE_PIXELS: Final = 224
_SEED: Final = 0
_OPSET: Final = 17
_IR_VERSION: Final = 9
_EXPANSION: Final = 4  # of a bottleneck's width


class NetworkWriter:
    """Collects nodes and weights, layer by layer."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(_SEED)
        self._nodes: list[Any] = []
        self._weights: list[Any] = []

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401 - as ONNX has them
        """Add a node; its output's name comes back."""
        output = f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def weight(self, *shape: int) -> str:
        """Add random weights that keep the spread of values. Source: K. He et al., 2015."""
        inputs = int(np.prod(shape[1:]))
        values = self._random.normal(0, np.sqrt(2 / inputs), shape)
        return self._constant(values.astype(np.float32))

    def _constant(self, values: NDArray[np.float32]) -> str:
        name = f"weight_{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(values, name))
        return name

    def convolve(self, source: str, inputs: int, outputs: int, kernel: int, stride: int) -> str:
        """A convolution with a bias, as batch normalisation folds into it."""
        weights = self.weight(outputs, inputs, kernel, kernel)
        bias = self._constant(np.zeros(outputs, np.float32))
        padding = [kernel // 2] * 4
        return self.node("Conv", source, weights, bias, strides=[stride] * 2, pads=padding)

    def classify(self, source: str, channels: int, classes: int) -> Any:  # noqa: ANN401 - onnx carries no types
        """Mean over the picture, one linear layer, and the finished model."""
        mean = self.node("Flatten", self.node("GlobalAveragePool", source))
        self._nodes.append(
            helper.make_node(
                "Gemm",
                [mean, self.weight(classes, channels), self._constant(np.zeros(classes, "f4"))],
                [OUTPUT],
                transB=1,
            )
        )
        sides = [SIZE_PIXELS, SIZE_PIXELS]
        pixels = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["N", 3, *sides])
        logits = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", classes])
        graph = helper.make_graph(self._nodes, "network", [pixels], [logits], self._weights)
        opset = [helper.make_opsetid("", _OPSET)]
        return helper.make_model(graph, opset_imports=opset, ir_version=_IR_VERSION)


def tiny() -> Any:  # noqa: ANN401 - onnx carries no types
    """Three small convolutions: the network is next to nothing, so that the rest shows."""
    writer = NetworkWriter()
    at, channels = INPUT, 3
    for outputs, kernel, stride in ((8, 7, 4), (16, 3, 2), (32, 3, 2)):
        at = writer.node("Relu", writer.convolve(at, channels, outputs, kernel, stride))
        channels = outputs
    return writer.classify(at, channels, classes=10)


def resnet18() -> Any:  # noqa: ANN401 - onnx carries no types
    """11.7 million parameters. Source: K. He et al., 2015, table 1."""
    writer = NetworkWriter()
    at, channels = _entrance(writer), 64
    for outputs in (64, 128, 256, 512):
        for _ in range(2):
            at, channels = _residual(writer, at, channels, outputs), outputs
    return writer.classify(at, channels, classes=1000)


def _residual(writer: NetworkWriter, source: str, inputs: int, outputs: int) -> str:
    """Two convolutions around which the input goes; the first of a stage halves the sides."""
    stride = 1 if inputs == outputs else 2
    inner = writer.node("Relu", writer.convolve(source, inputs, outputs, 3, stride))
    inner = writer.convolve(inner, outputs, outputs, 3, 1)
    past = source if inputs == outputs else writer.convolve(source, inputs, outputs, 1, stride)
    return writer.node("Relu", writer.node("Add", inner, past))


def resnet50() -> Any:  # noqa: ANN401 - onnx carries no types
    """25.6 million parameters. Source: K. He et al., 2015, table 1 and figure 5.

    The stride stands at the 3x3 convolution, as torchvision has it.
    """
    writer = NetworkWriter()
    at, channels = _entrance(writer), 64
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            stride = 2 if block == 0 and width > 64 else 1
            at, channels = _bottleneck(writer, at, channels, width, stride), width * _EXPANSION
    return writer.classify(at, channels, classes=1000)


def _entrance(writer: NetworkWriter) -> str:
    """What every ResNet begins with: a quarter of the sides, 64 channels."""
    at = writer.node("Relu", writer.convolve(INPUT, 3, 64, 7, 2))
    return writer.node("MaxPool", at, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])


def _bottleneck(writer: NetworkWriter, source: str, inputs: int, width: int, stride: int) -> str:
    """Fewer channels, a convolution over them, four times as many; the input goes around it."""
    outputs = width * _EXPANSION
    inner = writer.node("Relu", writer.convolve(source, inputs, width, 1, 1))
    inner = writer.node("Relu", writer.convolve(inner, width, width, 3, stride))
    inner = writer.convolve(inner, width, outputs, 1, 1)
    past = source if inputs == outputs else writer.convolve(source, inputs, outputs, 1, stride)
    return writer.node("Relu", writer.node("Add", inner, past))


NETWORKS: Final[dict[str, Callable[[], Any]]] = {
    "tiny": tiny,
    "resnet18": resnet18,
    "resnet50": resnet50,
}


def main() -> None:
    """Write one."""
    name, file = sys.argv[1:]
    onnx.save(NETWORKS[name](), Path(file))


if __name__ == "__main__":
    main()
