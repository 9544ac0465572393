"""What became of a request, in one word."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

# nginx's code for "the client went away"; it shows in logs and metrics only.
CLIENT_CLOSED_REQUEST: Final = 499

# Which errors were decided by admission; every other 503 is a failure of what is behind it.
_OVERLOADED: Final = frozenset({"overloaded"})
_OUTCOME_OF_STATUS: Final = {
    HTTPStatus.TOO_MANY_REQUESTS: "limited",
    CLIENT_CLOSED_REQUEST: "cancelled",
}


def request_outcome(status: int, error_code: str) -> str:
    """What became of a request, in one of six words: the `outcome` of metrics and log."""
    if status < 400:
        return "ok"
    if error_code in _OVERLOADED:
        return "overloaded"
    return _OUTCOME_OF_STATUS.get(status, "rejected" if status < 500 else "failed")
