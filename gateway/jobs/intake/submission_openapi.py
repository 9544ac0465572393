"""How OpenAPI describes the ways in which a job may come."""

from __future__ import annotations

from typing import Any, Final

from gateway.data_plane.predict_openapi import BINARY, SECURITY
from gateway.jobs.intake.job_openapi import IDEMPOTENCY_PARAMETER, taken
from gateway.jobs.intake.job_request import MOST_PREFIX_CHARACTERS
from gateway.jobs.webhooks.webhook_url import MOST_CHARACTERS
from gateway.openapi_errors import Responses, refusals

_UNUSUAL: Final[dict[int | str, str]] = {
    409: "job_conflict",
    429: "job_quota",
    503: "storage_unavailable",
}
_PARAMETERS: Final[list[dict[str, Any]]] = [
    {
        "name": "alias",
        "in": "query",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
        "example": "digits",
        "description": "Who is to answer: an alias, or a live release that the key may name.",
    },
    {
        "name": "top_k",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1},
        "description": "How many labels per item, at most the release's own number.",
    },
    {
        "name": "webhook",
        "in": "query",
        "schema": {"type": "string", "format": "uri", "maxLength": MOST_CHARACTERS},
        "description": "Is called when the job has ended. Private addresses are refused.",
    },
    IDEMPOTENCY_PARAMETER,
]
_FILES: Final = {"type": "array", "items": {"type": "string", "format": "binary"}}
_FORM: Final = {"type": "object", "required": ["file"], "properties": {"file": _FILES}}
# No example: whoever makes requests of this description, schemathesis among them, cannot write one.
_LINES: Final = {
    "schema": {
        "type": "string",
        "format": "binary",
        "description": 'In each line `{"text": "…"}`, `{"text": "…", "id": "…"}` or a JSON string.',
    }
}
_SOURCE: Final = {
    "type": "object",
    "required": ["source"],
    "properties": {
        "source": {"type": "string", "minLength": 1, "maxLength": 100},
        "prefix": {"type": "string", "maxLength": MOST_PREFIX_CHARACTERS},
    },
    "additionalProperties": False,
}
RESPONSES: Final[Responses] = {
    202: taken("The job, which has all its items or knows where they lie."),
    **refusals(400, 401, 403, 404, 408, 409, 413, 415, 429, 503, unusual=_UNUSUAL),
}
# Declared here and not as parameters: FastAPI would read the body before the key is checked.
DESCRIPTION: Final[dict[str, Any]] = {
    "security": SECURITY,
    "parameters": _PARAMETERS,
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _FORM},
            "application/zip": BINARY,
            "application/x-tar": BINARY,
            "application/gzip": BINARY,
            "application/x-ndjson": _LINES,
            "application/json": {
                "schema": _SOURCE,
                "example": {"source": "photos", "prefix": "2026/"},
            },
        },
    },
}
