"""How OpenAPI describes the Open Inference Protocol's requests, answers and errors."""

from __future__ import annotations

from typing import Any, Final

from gateway.data_plane.predict_openapi import HEADER_PARAMETERS, SECURITY

_STRING: Final = {"type": "string"}
# Of a body that is JSON alone; binary_data_size belongs to the other media type.
_TENSOR: Final = {
    "type": "object",
    "required": ["name", "datatype", "shape", "data"],
    "properties": {
        "name": {"enum": ["IMAGE", "TEXT"]},
        "datatype": {"enum": ["BYTES"]},
        "shape": {
            "type": "array",
            "prefixItems": [{"type": "integer", "minimum": 1}, {"const": 1}],
            "minItems": 2,
            "maxItems": 2,
            "examples": [[1, 1]],
        },
        "data": {"type": "array", "items": _STRING, "minItems": 1},
    },
    "additionalProperties": False,
}
_WANTED: Final = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"enum": ["LABEL", "SCORE", "STATUS"]},
        "parameters": {
            "type": "object",
            "properties": {"binary_data": {"type": "boolean"}},
            "additionalProperties": False,
        },
    },
    "additionalProperties": False,
}
_REQUEST: Final = {
    "type": "object",
    "required": ["inputs"],
    "properties": {
        "id": {"type": "string", "maxLength": 256},
        "inputs": {"type": "array", "items": _TENSOR, "minItems": 1, "maxItems": 1},
        "outputs": {"type": "array", "items": _WANTED, "maxItems": 3},
        "parameters": {
            "type": "object",
            "properties": {"binary_data_output": {"type": "boolean"}},
            "additionalProperties": False,
        },
    },
    "additionalProperties": False,
}
_EXAMPLE: Final = {
    "inputs": [
        {"name": "TEXT", "datatype": "BYTES", "shape": [1, 1], "data": ["It may rain tonight."]}
    ]
}
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_OBJECT: Final = {"schema": {"type": "object"}}


def _parameter(name: str, where: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", "schema": schema}


_MODEL: Final = _parameter("model", "path", {**_STRING, "examples": ["digits"]})
_VERSION: Final = _parameter("version", "path", {"enum": ["1"]})
_INFER: Final[dict[str, Any]] = {
    "security": SECURITY,
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": _REQUEST, "example": _EXAMPLE},
            "application/octet-stream": _BINARY,
        },
    },
}
_INFER_HEADERS: Final = [
    *HEADER_PARAMETERS,
    _parameter("Inference-Header-Content-Length", "header", {"type": "integer", "minimum": 0}),
    _parameter("Content-Encoding", "header", {"enum": ["gzip", "deflate", "identity"]}),
]

# Declared by hand: FastAPI would read the body before the key is checked.
OF_MODEL: Final[dict[str, Any]] = {"parameters": [_MODEL]}
OF_VERSION: Final[dict[str, Any]] = {"parameters": [_MODEL, _VERSION]}
INFER_OF_MODEL: Final[dict[str, Any]] = {**_INFER, "parameters": [_MODEL, *_INFER_HEADERS]}
INFER_OF_VERSION: Final[dict[str, Any]] = {
    **_INFER,
    "parameters": [_MODEL, _VERSION, *_INFER_HEADERS],
}

_ERROR_SCHEMA: Final = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": _STRING},
    "additionalProperties": False,
}
_ERROR: Final[dict[str, Any]] = {
    "description": "What went wrong; X-Error-Code is stable",
    "content": {"application/json": {"schema": _ERROR_SCHEMA}},
    "headers": {"X-Error-Code": {"schema": _STRING}, "X-Request-Id": {"schema": _STRING}},
}


def answers(*errors: int, **content: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """Describe the answers of one route.

    Args:
        errors: The statuses of its errors.
        content: Media types of a good answer beside JSON, as OpenAPI has them.
    """
    good = {"description": "Successful Response", "content": {"application/json": _OBJECT}}
    described: dict[int | str, dict[str, Any]] = {200: good | content, "4XX": _ERROR}
    return described | dict.fromkeys(errors, _ERROR)


INFERRED: Final = answers(
    *(400, 401, 403, 404, 408, 413, 415, 429, 500, 502, 503, 504),
    content={"application/json": _OBJECT, "application/octet-stream": _BINARY},
)
