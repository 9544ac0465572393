"""How OpenAPI describes the bodies that an alias may take, with examples."""

from __future__ import annotations

from typing import Any, Final

from gateway.control_plane.api_key import Priority
from gateway.data_plane.admission.priority import PRIORITY_HEADER
from gateway.data_plane.deadline import MOST_MILLISECONDS, TIMEOUT_HEADER
from gateway.data_plane.openapi_examples import PREDICTED
from gateway.jobs.intake.job_openapi import IDEMPOTENCY_PARAMETER, PREFER_PARAMETER, taken
from gateway.openapi_errors import REQUEST_ID, Responses, refusals
from gateway.schemas import BatchBody, PredictionBody

BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
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
HEADER_PARAMETERS: Final[list[dict[str, Any]]] = [
    {
        "name": TIMEOUT_HEADER,
        "in": "header",
        "schema": {"type": "integer", "minimum": 1, "maximum": MOST_MILLISECONDS},
        "description": "Milliseconds for the whole request. Without it 10000; above 60000 it is "
        "cut to that. (Both as the gateway is set by default.)",
    },
    {
        "name": PRIORITY_HEADER,
        "in": "header",
        "schema": {"type": "string", "enum": list(Priority)},
        "description": "`batch` may wait long and gives way; a key may be bound to it.",
    },
    {
        "name": "X-Trace",
        "in": "header",
        "schema": _STRING,
        "description": "`1` traces this request, and takes a key with the scope metrics or admin. "
        "`/v1/requests/{request_id}/waterfall` shows it.",
    },
]
SECURITY: Final[list[dict[str, list[str]]]] = [{"HTTPBearer": []}, {"APIKeyHeader": []}]
ALIAS_PARAMETER: Final[dict[str, Any]] = {
    "name": "alias",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "example": "digits",
    "description": "An alias; with the scope admin, or where the key names it, a live release.",
}
_PARAMETERS: Final = [
    ALIAS_PARAMETER,
    {
        "name": "top_k",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1},
        "description": "How many labels, at most the release's own number.",
    },
    *HEADER_PARAMETERS,
    PREFER_PARAMETER,
    IDEMPOTENCY_PARAMETER,
]
ANSWER_HEADERS: Final[dict[str, Any]] = {
    "X-Request-Id": REQUEST_ID,
    "Server-Timing": {
        "schema": _STRING,
        "description": "Where the time went, in milliseconds.",
        "example": "queue;dur=0.00, body;dur=0.09, triton;dur=4.90, total;dur=5.71",
    },
    "Cache-Status": {
        "schema": _STRING,
        "description": "Where the answer cache is on: `triptych; hit`, or `triptych; fwd=miss`.",
    },
}
RESPONSES: Final[Responses] = {
    200: {
        "model": PredictionBody | BatchBody,
        "headers": ANSWER_HEADERS,
        "content": {"application/json": {"examples": PREDICTED}},
    },
    202: taken("With `Prefer: respond-async`, the job.", applies_preference=True),
    **refusals(
        *(400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 502, 503, 504),
        unusual={409: "job_conflict"},
    ),
}
# Declared here and not as parameters: FastAPI would read the body before the key is checked.
DESCRIPTION: Final[dict[str, Any]] = {
    "security": SECURITY,
    "parameters": _PARAMETERS,
    "requestBody": {
        "required": True,
        "content": {
            "image/jpeg": BINARY,
            "image/png": BINARY,
            "image/webp": BINARY,
            "application/octet-stream": BINARY,
            "multipart/form-data": {"schema": _FORM},
            "application/json": _JSON,
        },
    },
}
