"""The network, and the ONNX file that leaves training."""

from __future__ import annotations

import io
from typing import Final

import onnx
import torch
from torch import Tensor, nn

from examples.digits.pictures import TRANSFORM
from python_backends.shared.contract import LOGITS, PIXELS

OPSET: Final = 17
IR_VERSION: Final = 8
LARGEST_FILE_BYTES: Final = 1_000_000
_SMALLEST_DEVIATION: Final = 4.0
# Channels and stride of each 3 x 3 convolution after the first.
_LAYERS: Final = ((32, 1), (64, 2), (64, 1), (96, 2), (96, 1))


class DigitNetwork(nn.Module):
    """Six convolutions. Takes pixels as they come, because normalisation is part of the graph.

    Input: [N, 48, 48, 3], uint8, RGB. Output: logits [N, 10], float32, unbounded.
    """

    def __init__(self) -> None:
        super().__init__()
        layers = _convolution(3, 24, kernel=5, stride=2)
        channels = 24
        for width, stride in _LAYERS:
            layers += _convolution(channels, width, kernel=3, stride=stride)
            channels = width
        self.features = nn.Sequential(*layers)
        self.pool = nn.AvgPool2d(2)
        self.head = nn.Linear(channels * 3 * 3, 10)

    def forward(self, pixels: Tensor) -> Tensor:
        """Compute the logits."""
        picture = _standardise(pixels.float().permute(0, 3, 1, 2))
        return self.head(self.pool(self.features(picture)).flatten(1))


def _convolution(channels: int, width: int, *, kernel: int, stride: int) -> list[nn.Module]:
    return [
        nn.Conv2d(channels, width, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    ]


def _standardise(picture: Tensor) -> Tensor:
    """Take out exposure and paper colour: zero mean per channel, unit variance over the picture.

    The floor keeps the noise of an empty sheet from being blown up to full contrast.
    """
    centred = picture - picture.mean(dim=(2, 3), keepdim=True)
    deviation = (centred * centred).mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return centred / (deviation + _SMALLEST_DEVIATION)


def export_onnx(network: DigitNetwork) -> bytes:
    """Export in evaluation mode; only the batch dimension is dynamic.

    Raises:
        ValueError: the file breaks a promise that serving relies on.
    """
    buffer = io.BytesIO()
    example = torch.zeros(2, TRANSFORM.height_pixels, TRANSFORM.width_pixels, 3, dtype=torch.uint8)
    torch.onnx.export(
        network.eval(),
        (example,),
        buffer,
        input_names=[PIXELS.name],
        output_names=[LOGITS.name],
        dynamic_axes={PIXELS.name: {0: "N"}, LOGITS.name: {0: "N"}},
        opset_version=OPSET,
        dynamo=False,  # the other exporter needs onnxscript and writes a newer opset
    )
    model = onnx.load_from_string(buffer.getvalue())
    model.ir_version = IR_VERSION
    _check(model)
    return model.SerializeToString()


def _check(model: onnx.ModelProto) -> None:
    onnx.checker.check_model(model, full_check=True)
    consumers = [node.op_type for node in model.graph.node if PIXELS.name in node.input]
    if consumers != ["Cast"]:
        raise ValueError(
            f"{PIXELS.name} feeds {consumers}; TensorRT takes uint8 only into one Cast"
        )
    if model.ByteSize() >= LARGEST_FILE_BYTES:
        raise ValueError(f"{model.ByteSize()} bytes; a classroom model stays below one megabyte")
