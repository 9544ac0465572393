"""What every exported graph has to keep, so that other runtimes and TensorRT can take it."""

from __future__ import annotations

from pathlib import Path

import onnx

from triptych.export.exporter import Exported


def load_graph(exported: Exported) -> onnx.ModelProto:
    """The model.onnx that was written."""
    assert exported.folder is not None
    return onnx.load(onnx_file(exported.folder))


def onnx_file(release: Path) -> Path:
    return release.with_name(f"{release.name}_model") / "1" / "model.onnx"


def assert_graph_rules(model: onnx.ModelProto) -> None:
    onnx.checker.check_model(model, full_check=True)
    assert {opset.domain: opset.version for opset in model.opset_import} == {"": 17}
    assert model.ir_version <= 9
    names = [tensor.name for tensor in model.graph.input]
    assert names in (["PIXELS"], ["INPUT_IDS", "ATTENTION_MASK"])
    if names == ["PIXELS"]:
        assert [node.op_type for node in model.graph.node if "PIXELS" in node.input] == ["Cast"]
    assert [tensor.name for tensor in model.graph.output] == ["LOGITS"]
    for tensor in (*model.graph.input, *model.graph.output):
        batch, *others = tensor.type.tensor_type.shape.dim
        assert batch.dim_param, f"{tensor.name} has a fixed batch"
        assert all(other.dim_value > 0 for other in others), f"{tensor.name} has more that varies"
