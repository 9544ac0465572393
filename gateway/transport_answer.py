"""The answer to what never became a request, as bytes."""

from __future__ import annotations

import json
from http import HTTPStatus

from gateway.error_responses import HTTP_STATUS, RETRY_AFTER, error_body
from gateway.errors import TransportError
from gateway.request_context import REQUEST_ID_HEADER, new_request_id
from gateway.security_headers import STRICT_HEADERS


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
