"""How OpenAPI describes errors: for each status the one example that fits it."""

from __future__ import annotations

from typing import Any, Final

from gateway.schemas import ErrorBody

Responses = dict[int | str, dict[str, Any]]

_REQUEST_ID: Final = "6f1d0c1e9a3b4c5d8e7f60718293a4b5"
# Status -> code of the example; `MESSAGES` has what it says.
USUAL: Final[dict[int | str, str]] = {
    "4XX": "malformed_request",
    400: "invalid_parameter",
    401: "missing_api_key",
    403: "alias_forbidden",
    404: "unknown_alias",
    408: "body_timeout",
    409: "last_admin_key",
    413: "payload_too_large",
    412: "route_changed",
    415: "unsupported_media_type",
    422: "undecodable_image",
    428: "precondition_required",
    429: "rate_limited",
    500: "contract_mismatch",
    502: "inference_failed",
    503: "overloaded",
    504: "inference_timeout",
}
MESSAGES: Final = {
    "malformed_request": "the request is no clear HTTP request",
    "invalid_parameter": "a parameter or field makes no sense; the message says which",
    "missing_api_key": "send a key as `Authorization: Bearer KEY`",
    "alias_forbidden": "this key may not use 'topics'",
    "scope_missing": "this key has not the scope that this endpoint needs",
    "unknown_alias": "there is no alias 'letters'; GET /v1/routes lists those that there are",
    "unknown_key": "there is no live key of that id",
    "unknown_request": "there is no trace of that request for you to see",
    "body_timeout": "the body stopped arriving before its end",
    "last_admin_key": "without this key nobody could administer keys any more",
    "route_changed": "the route is not what If-Match says any more; read it again",
    "precondition_required": "send If-Match with the ETag of the route, or * to overwrite it",
    "route_refused": "digits_r1 and topics_r1 do different things",
    "release_not_ready": "digits_r2 is not ready on triton-0; load it first",
    "nothing_to_roll_back": "there is no earlier state of the route 'digits'",
    "unknown_release": "there is no release digits_r9 in the model repository",
    "release_in_use": "the route 'digits' names digits_r1",
    "release_refused": "triton-0: digits_r2 is not served, because a golden input got '3'",
    "unknown_rollout": "there is no rollout of that id",
    "rollout_conflict": "a rollout of 'digits' is under way",
    "unknown_job": "there is no job '9f2c4e6a8b0d1357'",
    "job_quota": "this key has 10 jobs at work, and may have no more",
    "job_conflict": "this Idempotency-Key was another request's",
    "storage_unavailable": "the storage of jobs takes nothing now",
    "unknown_item": "no bytes of disagreement 17 are kept",
    "payload_too_large": "the body has more bytes than are taken",
    "unsupported_media_type": "the Content-Type is none that is taken here",
    "undecodable_image": "the bytes are not a whole JPEG, PNG or WebP",
    "invalid_infer_request": "there must be one input, named IMAGE",
    "rate_limited": "the key has used up its requests of this minute",
    "key_overloaded": "this key has 50 streams of jobs open",
    "contract_mismatch": "gateway and release disagree about the tensors",
    "inference_failed": "Triton failed",
    "overloaded": "more is here than can be answered in time",
    "inference_unavailable": "Triton does not take requests",
    "database_unavailable": "the database of the keys does not answer",
    "inference_timeout": "the time of the request was up before Triton answered",
}
_RETRY_AFTER: Final = {
    "schema": {"type": "integer", "minimum": 1},
    "description": "Seconds until the same request has a chance.",
    "example": 1,
}
REQUEST_ID: Final[dict[str, Any]] = {
    "schema": {"type": "string"},
    "description": "The request's id, in the log too.",
    "example": _REQUEST_ID,
}


def code_of(status: int | str, unusual: dict[int | str, str] | None = None) -> str:
    """The code of a status's example."""
    return (unusual or {}).get(status) or USUAL[status]


def error_headers(status: int | str) -> dict[str, Any]:
    """The headers of an error's answer."""
    return {"X-Request-Id": REQUEST_ID} | (
        {"Retry-After": _RETRY_AFTER} if status in {429, 503} else {}
    )


def refusals(*statuses: int | str, unusual: dict[int | str, str] | None = None) -> Responses:
    """Describe the errors of a route under /v1.

    Args:
        statuses: Which there are.
        unusual: Codes for examples, where another than the status's usual one fits better.
    """
    # Made anew for each route: FastAPI writes into what it is given.
    return {
        status: {
            "model": ErrorBody,
            "headers": error_headers(status),
            "content": {"application/json": {"example": _body(code_of(status, unusual))}},
        }
        for status in statuses
    }


def _body(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": MESSAGES[code], "request_id": _REQUEST_ID}}
