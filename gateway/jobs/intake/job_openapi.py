"""What OpenAPI says of every answer that is a job which was taken."""

from __future__ import annotations

from typing import Any, Final

from gateway.jobs.intake.job_request import IDEMPOTENCY_HEADER, MOST_KEY_CHARACTERS
from gateway.jobs.job_schemas import JobDescription
from gateway.openapi_errors import REQUEST_ID

IDEMPOTENCY_PARAMETER: Final[dict[str, Any]] = {
    "name": IDEMPOTENCY_HEADER,
    "in": "header",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": MOST_KEY_CHARACTERS,
        "pattern": "^[!-~]+$",
    },
    "description": "Of a job: the same request again under the same key is answered with it.",
}
PREFER_PARAMETER: Final[dict[str, Any]] = {
    "name": "Prefer",
    "in": "header",
    "schema": {"type": "string", "enum": ["respond-async"]},
    "description": "`respond-async` asks for a job in place of the answer: 202.",
}
_HEADERS: Final[dict[str, Any]] = {
    "X-Request-Id": REQUEST_ID,
    "Location": {
        "schema": {"type": "string"},
        "description": "Where the job is shown.",
        "example": "/v1/jobs/9f2c4e6a8b0d1357",
    },
}
_APPLIED: Final[dict[str, Any]] = {
    "schema": {"type": "string"},
    "example": "respond-async",
    "description": "What of Prefer was done.",
}


def taken(description: str, *, applies_preference: bool = False) -> dict[str, Any]:
    """Describe a 202.

    Args:
        description: What the job is.
        applies_preference: Whether it came of a Prefer header.
    """
    more = {"Preference-Applied": _APPLIED} if applies_preference else {}
    return {"model": JobDescription, "description": description, "headers": _HEADERS | more}
