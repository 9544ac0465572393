"""Reads configurations of models; `up`, which only names engines, need not load protobuf."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from google.protobuf import json_format, text_format
from tritonclient.grpc import model_config_pb2

from triptych.engines import config_file
from triptych.errors import ReleaseBroken

CONFIG_FILE: Final = "config.pbtxt"


def read_config(file: Path) -> dict[str, Any]:
    """A configuration, in the JSON that Triton's load takes; what is not set is not there.

    Raises:
        ReleaseBroken: it is missing, or is no configuration.
    """
    try:
        config = text_format.Parse(file.read_text(), model_config_pb2.ModelConfig())
    except (OSError, text_format.ParseError) as exc:
        raise ReleaseBroken(f"{file} cannot be read: {exc}") from exc
    # By way of text: MessageToDict would hand out protobuf's own types.
    text = json_format.MessageToJson(config, preserving_proto_field_name=True)
    return dict(json.loads(text))


def read_override(model_folder: Path, engine: str) -> str:
    """That configuration as the JSON that Triton's load takes in place of config.pbtxt.

    Raises:
        ReleaseBroken: it is missing, or is no configuration.
    """
    return json.dumps(read_config(config_file(model_folder, engine)))
