"""What clients ask before they infer: metadata of server and model, configuration, statistics."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Final

from gateway.data_plane.open_inference.infer_request import OUTPUTS
from gateway.data_plane.open_inference.infer_response import MODEL_VERSION
from gateway.data_plane.routing.target import Target
from gateway.data_plane.triton_statistics import ModelStatistics
from python_backends.shared.contract import ITEM_OF, Task, TensorSpec

_SERVER: Final = "triptych"
# Triton's names of what is offered beyond the protocol itself.
_EXTENSIONS: Final = ("binary_tensor_data", "model_configuration", "statistics")
_CONFIG_TYPE: Final = {"BYTES": "TYPE_STRING", "FP32": "TYPE_FP32", "UINT8": "TYPE_UINT8"}
# The protocol leaves open how bytes that are no text lie in a JSON string.
_IN_JSON: Final = {
    Task.IMAGE_CLASSIFICATION: {
        "content": "one encoded image per element: JPEG, PNG or WebP",
        "json_strings": "base64",
    },
    Task.TEXT_CLASSIFICATION: {
        "content": "one text per element, UTF-8",
        "json_strings": "literal",
    },
}


def server_metadata() -> bytes:
    """GET /v2."""
    return _json(
        {"name": _SERVER, "version": version(_SERVER), "extensions": list(_EXTENSIONS)},
    )


def model_metadata(name: str, target: Target) -> bytes:
    """GET /v2/models/{name}: tensors with their batch dimension, -1."""
    item = _tensor(ITEM_OF[target.task], target.top_k)
    return _json(
        {
            "name": name,
            "versions": [MODEL_VERSION],
            "platform": "ensemble",
            "inputs": [{**item, "parameters": _IN_JSON[target.task]}],
            "outputs": [_tensor(spec, target.top_k) for spec in OUTPUTS],
        }
    )


def model_config(name: str, target: Target) -> bytes:
    """GET /v2/models/{name}/config: as much as clients need, in Triton's words.

    Without `platform` and `ensemble_scheduling`: perf_analyzer would go on to ask for the steps,
    which nobody may call here.
    """
    return _json(
        {
            "name": name,
            "max_batch_size": target.max_batch_size,
            "input": [_config(ITEM_OF[target.task], target.top_k)],
            "output": [_config(spec, target.top_k) for spec in OUTPUTS],
        }
    )


def model_statistics(name: str, counted: ModelStatistics) -> bytes:
    """GET /v2/models/{name}/stats: Triton's own, under the name that was asked for."""
    named = {**counted, "name": name}
    return _json({"model_stats": [{**named, "response_stats": {}, "memory_usage": []}]})


def _dims(spec: TensorSpec, top_k: int) -> list[int]:
    return [top_k if size == -1 else size for size in spec.shape]


def _tensor(spec: TensorSpec, top_k: int) -> dict[str, object]:
    return {"name": spec.name, "datatype": spec.dtype, "shape": [-1, *_dims(spec, top_k)]}


def _config(spec: TensorSpec, top_k: int) -> dict[str, object]:
    return {
        "name": spec.name,
        "data_type": _CONFIG_TYPE[spec.dtype],
        "dims": _dims(spec, top_k),
    }


def _json(content: dict[str, object]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
