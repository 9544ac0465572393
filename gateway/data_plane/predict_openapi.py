"""How OpenAPI describes the bodies that an alias may take, with examples."""

from __future__ import annotations

from typing import Any, Final

_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_FILES: Final = {"type": "array", "items": {"type": "string", "format": "binary"}}
_FORM: Final = {"type": "object", "required": ["file"], "properties": {"file": _FILES}}
_STRING: Final = {"type": "string"}
_TEXT: Final = {
    "title": "One text",
    "type": "object",
    "required": ["text"],
    "properties": {"text": _STRING},
    "additionalProperties": False,
}
_TEXTS: Final = {
    "title": "Several texts",
    "type": "object",
    "required": ["texts"],
    "properties": {"texts": {"type": "array", "minItems": 1, "items": _STRING}},
    "additionalProperties": False,
}
_JSON: Final = {
    "schema": {"oneOf": [_TEXT, _TEXTS]},
    "examples": {
        "one": {"summary": "One text", "value": {"text": "The match ended in a draw."}},
        "several": {
            "summary": "Several texts",
            "value": {"texts": ["The match ended in a draw.", "Shares fell sharply."]},
        },
    },
}
# Declared here and not as a parameter: FastAPI would read the body before the key is checked.
REQUEST_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "image/jpeg": _BINARY,
            "image/png": _BINARY,
            "image/webp": _BINARY,
            "application/octet-stream": _BINARY,
            "multipart/form-data": {"schema": _FORM},
            "application/json": _JSON,
        },
    }
}
