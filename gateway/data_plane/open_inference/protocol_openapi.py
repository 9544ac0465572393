"""How OpenAPI describes the Open Inference Protocol's requests, answers and errors."""

from __future__ import annotations

from typing import Any, Final

from gateway.data_plane import openapi_examples
from gateway.data_plane.predict_openapi import ANSWER_HEADERS, HEADER_PARAMETERS, SECURITY
from gateway.openapi_errors import MESSAGES, Responses, code_of, error_headers

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
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}


def _parameter(name: str, where: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - OpenAPI's own fields
    return {"name": name, "in": where, "required": where == "path", "schema": schema, **more}


_MODEL: Final = _parameter("model", "path", _STRING, example="digits", description="An alias.")
_INFER_HEADERS: Final = [
    *HEADER_PARAMETERS,
    _parameter(
        "Inference-Header-Content-Length",
        "header",
        {"type": "integer", "minimum": 0},
        description="Where tensors follow the JSON as bytes: how many bytes the JSON has. "
        "With 0 the whole body is one item.",
    ),
    _parameter(
        "Content-Encoding",
        "header",
        {"enum": ["gzip", "deflate", "identity"]},
        description="How the body is compressed.",
    ),
]

# Declared by hand: FastAPI would read the body before the key is checked.
OF_MODEL: Final[dict[str, Any]] = {"parameters": [_MODEL]}
INFER_OF_MODEL: Final[dict[str, Any]] = {
    "security": SECURITY,
    "parameters": [_MODEL, *_INFER_HEADERS],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": _REQUEST, "examples": openapi_examples.INFER},
            "application/octet-stream": _BINARY,
        },
    },
}

_ERROR_SCHEMA: Final = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": _STRING},
    "additionalProperties": False,
}
_UNUSUAL: Final[dict[int | str, str]] = {400: "invalid_infer_request", 503: "inference_unavailable"}


def answers(example: dict[str, Any], *errors: int, forbidden: str = "alias_forbidden") -> Responses:
    """Describe the answers of one route.

    Args:
        example: Of a good answer.
        errors: The statuses of its errors.
        forbidden: The code of a 403.
    """
    good = {"schema": {"type": "object"}, "example": example}
    statuses: tuple[int | str, ...] = ("4XX", *errors)
    unusual: dict[int | str, str] = {**_UNUSUAL, 403: forbidden}
    return {
        200: {"description": "Successful Response", "content": {"application/json": good}},
        **{status: _error(code_of(status, unusual), status) for status in statuses},
    }


def _error(code: str, status: int | str) -> dict[str, Any]:
    told = {"schema": _STRING, "description": "The stable code.", "example": code}
    shown = {"schema": _ERROR_SCHEMA, "example": {"error": MESSAGES[code]}}
    return {
        "description": "What went wrong; X-Error-Code is stable",
        "content": {"application/json": shown},
        "headers": {"X-Error-Code": told, **error_headers(status)},
    }


INFERRED: Final = answers(
    openapi_examples.INFERRED, 400, 401, 403, 404, 408, 413, 415, 429, 500, 502, 503, 504
)
INFERRED[200]["content"]["application/octet-stream"] = _BINARY
INFERRED[200]["headers"] = ANSWER_HEADERS
