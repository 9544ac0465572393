"""Static int8 quantisation: QDQ nodes, calibrated on real inputs.

QDQ is the form that ONNX Runtime, OpenVINO and TensorRT all read.
Source: https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import onnx
from numpy.typing import NDArray
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process

from triptych.export.onnx_graph import IR_VERSION, check_served
from triptych.export.refusal import refusing

# In a network of convolutions everything between them is quantised too, or values go to and fro.
_CONVOLUTIONAL: Final = ("Conv", "Gemm", "MatMul", "Add", "MaxPool", "GlobalAveragePool", "Relu")
# A transformer's residual stream has outliers that eight bits do not hold; only its products are.
_TRANSFORMER: Final = ("Conv", "Gemm", "MatMul")

Feeds = dict[str, NDArray[Any]]


class _Feeder(quantization.CalibrationDataReader):
    """Hands calibration inputs out one by one."""

    def __init__(self, feeds: Iterator[Feeds]) -> None:
        self._feeds = feeds

    def get_next(self) -> Feeds | None:
        """One input with a batch of one, or None at the end."""
        return next(self._feeds, None)


def quantise(model: onnx.ModelProto, feeds: Sequence[Feeds]) -> onnx.ModelProto:
    """Quantise a served graph.

    Args:
        model: PIXELS, or INPUT_IDS and ATTENTION_MASK -> LOGITS, float inside.
        feeds: Calibration inputs by tensor name, each with a batch of one.

    Returns:
        The same graph with QDQ nodes: activations uint8 per tensor, weights int8 per channel.

    Raises:
        SourceUnfit: it cannot be quantised.
    """
    logging.getLogger().setLevel(logging.ERROR)  # the library warns through the root logger
    with tempfile.TemporaryDirectory(prefix="triptych-int8-") as scratch:
        plain, result = Path(scratch) / "plain.onnx", Path(scratch) / "int8.onnx"
        onnx.save(model, plain)
        with refusing("The network cannot be quantised"):
            _quantise_file(plain, result, feeds)
        quantised = onnx.load(result)
    del quantised.graph.value_info[:]
    del quantised.metadata_props[:]
    used = {node.domain for node in quantised.graph.node}
    kept = [opset for opset in quantised.opset_import if opset.domain in used]
    del quantised.opset_import[:]
    quantised.opset_import.extend(kept)
    quantised.ir_version = IR_VERSION
    check_served(quantised)
    return quantised


def _quantise_file(plain: Path, result: Path, feeds: Sequence[Feeds]) -> None:
    prepared = plain.with_name("prepared.onnx")
    quant_pre_process(plain, prepared, skip_symbolic_shape=True)
    nodes = onnx.load(prepared).graph.node
    kinds = [node.op_type for node in nodes]
    is_transformer = kinds.count("MatMul") > kinds.count("Conv")
    quantization.quantize_static(
        prepared,
        result,
        _Feeder(iter(feeds)),
        quant_format=quantization.QuantFormat.QDQ,
        op_types_to_quantize=list(_TRANSFORMER if is_transformer else _CONVOLUTIONAL),
        per_channel=True,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
        # The normalisation is exact in float and would lose the darkest tones in eight bits.
        nodes_to_exclude=[node.name for node in nodes if node.name.startswith("front_")],
        extra_options={"MatMulConstBOnly": True},
    )
