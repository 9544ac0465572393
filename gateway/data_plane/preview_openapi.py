"""How OpenAPI describes a preview: the body of an image, the headers of its pixels."""

from __future__ import annotations

from typing import Any, Final

from gateway.data_plane.predict_openapi import (
    ALIAS_PARAMETER,
    ANSWER_HEADERS,
    BINARY,
    HEADER_PARAMETERS,
    SECURITY,
)
from gateway.openapi_errors import Responses, refusals

SHAPE_HEADER: Final = "X-Pixels-Shape"
TYPE_HEADER: Final = "X-Pixels-Type"
RELEASE_HEADER: Final = "X-Release"
PREVIEW_HEADERS: Final = (SHAPE_HEADER, TYPE_HEADER, RELEASE_HEADER)

_HEADERS: Final[dict[str, Any]] = {
    **{name: told for name, told in ANSWER_HEADERS.items() if name != "Cache-Status"},
    SHAPE_HEADER: {
        "schema": {"type": "string", "pattern": "^[0-9]+,[0-9]+,3$"},
        "description": "Height, width and channels: row by row, red, green and blue.",
        "example": "48,48,3",
    },
    TYPE_HEADER: {
        "schema": {"type": "string", "enum": ["UINT8"]},
        "description": "Of each number, as Triton calls it.",
        "example": "UINT8",
    },
    RELEASE_HEADER: {
        "schema": {"type": "string"},
        "description": "Whose preprocess step was asked.",
        "example": "digits_r1",
    },
}
RESPONSES: Final[Responses] = {
    200: {
        "description": "The pixels.",
        "headers": _HEADERS,
        "content": {"application/octet-stream": BINARY},
    },
    **refusals(400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 502, 503, 504),
}
DESCRIPTION: Final[dict[str, Any]] = {
    "security": SECURITY,
    "parameters": [ALIAS_PARAMETER, *HEADER_PARAMETERS],
    "requestBody": {
        "required": True,
        "content": {
            "image/jpeg": BINARY,
            "image/png": BINARY,
            "image/webp": BINARY,
            "application/octet-stream": BINARY,
        },
    },
}
