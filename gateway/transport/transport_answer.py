"""The answer to what never became a request: which error, and its bytes."""

from __future__ import annotations

import json
from http import HTTPStatus

import httptools

from gateway.error_responses import HTTP_STATUS, RETRY_AFTER, error_body
from gateway.errors import MalformedRequest, TransportError
from gateway.request_context import REQUEST_ID_HEADER, new_request_id
from gateway.transport.security_headers import STRICT_HEADERS


class Refused(Exception):
    """Carries an error through llhttp, which wraps what its callbacks raise."""

    def __init__(self, error: TransportError) -> None:
        super().__init__(str(error))
        self.error = error


def error_of(exc: httptools.HttpParserError) -> TransportError:
    """Tell what was wrong with bytes that llhttp, or one of our callbacks, did not take."""
    cause = exc.__context__
    if isinstance(cause, Refused):
        return cause.error
    # llhttp's own words name the rule that was broken and nothing of ours.
    said = str(exc) if not isinstance(exc, httptools.HttpParserCallbackError) else ""
    return MalformedRequest(f"this is not a valid HTTP request: {said or 'its target is none'}")


def transport_answer(error: TransportError) -> bytes:
    """Write a whole response; the connection ends behind it."""
    status = HTTPStatus(HTTP_STATUS[type(error)])
    identifier = new_request_id()
    body = json.dumps(error_body(error.code, str(error), identifier)).encode()
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        REQUEST_ID_HEADER: identifier,
    }
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = RETRY_AFTER
    lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"{name.decode()}: {value.decode()}" for name, value in STRICT_HEADERS]
    return "\r\n".join([*lines, "", ""]).encode() + body
