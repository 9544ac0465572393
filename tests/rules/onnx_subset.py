"""As much of ONNX's file format as the rules ask about; the onnx package is not installed here.

Source of the field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

_SCHEMA = """
name: "onnx_subset.proto" package: "onnx_subset" syntax: "proto3"
message_type {
  name: "Model"
  field { name: "ir_version" number: 1 type: TYPE_INT64 label: LABEL_OPTIONAL }
  field { name: "graph" number: 7 type: TYPE_MESSAGE type_name: "Graph" label: LABEL_OPTIONAL }
  field { name: "opset_import" number: 8 type: TYPE_MESSAGE type_name: "Opset" label: LABEL_REPEATED }
}
message_type {
  name: "Opset"
  field { name: "domain" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "version" number: 2 type: TYPE_INT64 label: LABEL_OPTIONAL }
}
message_type {
  name: "Graph"
  field { name: "node" number: 1 type: TYPE_MESSAGE type_name: "Node" label: LABEL_REPEATED }
}
message_type {
  name: "Node"
  field { name: "input" number: 1 type: TYPE_STRING label: LABEL_REPEATED }
  field { name: "op_type" number: 4 type: TYPE_STRING label: LABEL_OPTIONAL }
}
"""  # noqa: E501 - one field per line


def read_onnx(file: Path) -> Any:
    """The fields above; everything else in the file is passed over."""
    pool = descriptor_pool.DescriptorPool()
    pool.Add(text_format.Parse(_SCHEMA, descriptor_pb2.FileDescriptorProto()))
    model = message_factory.GetMessageClass(pool.FindMessageTypeByName("onnx_subset.Model"))
    return model.FromString(file.read_bytes())
