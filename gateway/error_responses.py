"""The one table from error class to HTTP status, and the one place where error bodies are made."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from gateway import errors
from gateway.accept import prefers_problem
from gateway.control_plane import control_errors
from gateway.jobs import job_errors
from gateway.request_context import REQUEST_ID_HEADER, record, request_id
from gateway.transport.request_target import speaks_open_inference
from gateway.transport.security_headers import SecurityHeaders

Handler = Callable[[Request, Exception], Awaitable[JSONResponse]]

HTTP_STATUS: Final[dict[type[errors.GatewayError], int]] = {
    errors.MissingApiKey: 401,
    errors.UnknownApiKey: 401,
    errors.ExpiredApiKey: 401,
    errors.ScopeMissing: 403,
    errors.AliasForbidden: 403,
    errors.EmptyBody: 400,
    errors.BodyTimeout: 408,
    errors.InvalidParameter: 400,
    errors.MalformedMultipart: 400,
    errors.MalformedJson: 400,
    errors.TooManyFiles: 400,
    errors.TooManyTexts: 400,
    errors.PayloadTooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.UnknownAlias: 404,
    errors.UnknownKey: 404,
    errors.UnknownRequest: 404,
    errors.LastAdminKey: 409,
    errors.UnknownModelVersion: 404,
    errors.InvalidInferRequest: 400,
    errors.MalformedCompression: 400,
    errors.UndecodableImage: 422,
    errors.ImageTooLarge: 422,
    errors.UnsupportedImageFormat: 415,
    errors.UndecodableText: 422,
    errors.TextTooLarge: 422,
    errors.HarmfulInput: 422,
    errors.InferenceTimeout: 504,
    errors.InferenceUnavailable: 503,
    errors.InferenceFailed: 502,
    errors.ContractMismatch: 500,
    errors.Overloaded: 503,
    errors.KeyOverloaded: 429,
    errors.MalformedRequest: 400,
    errors.HeadersTooLarge: 431,
    errors.HeaderTimeout: 408,
    errors.TooManyConnections: 503,
    errors.RateLimited: 429,
    errors.DatabaseUnavailable: 503,
    control_errors.RouteChanged: 412,
    control_errors.PreconditionRequired: 428,
    control_errors.RouteRefused: 400,
    control_errors.ReleaseNotReady: 409,
    control_errors.NothingToRollBack: 409,
    control_errors.UnknownRelease: 404,
    control_errors.ReleaseInUse: 409,
    control_errors.ReleaseRefused: 409,
    control_errors.UnknownRollout: 404,
    control_errors.RolloutConflict: 409,
    control_errors.UnknownItem: 404,
    job_errors.UnknownJob: 404,
    job_errors.JobQuota: 429,
    job_errors.JobConflict: 409,
    job_errors.StorageUnavailable: 503,
    job_errors.MalformedArchive: 400,
    job_errors.MalformedJsonLines: 400,
    job_errors.UnknownSource: 400,
    job_errors.WebhookRefused: 400,
}

ERROR_CODE_HEADER: Final = "X-Error-Code"

# What Starlette itself answers, and what nobody foresaw, has no class of ours.
_CODE_OF_STATUS: Final = {404: "not_found", 405: "method_not_allowed"}
_METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_OTHER_STATUS: Final = "http_error"
_UNFORESEEN: Final = "internal_error"
CODES: Final = frozenset(
    {*(error.code for error in HTTP_STATUS), *_CODE_OF_STATUS.values(), _OTHER_STATUS, _UNFORESEEN}
)

RETRY_AFTER: Final = "1"
_PROBLEM: Final = "application/problem+json"


def error_body(code: str, message: str, identifier: str) -> dict[str, object]:
    """The body of an error as /v1 says it."""
    return {"error": {"code": code, "message": message, "request_id": identifier}}


def _problem(code: str, message: str, status: int) -> dict[str, object]:
    """The body of an error as RFC 9457 says it."""
    identifier = request_id.get()
    return {
        "type": f"urn:triptych:error:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": message,
        "instance": f"urn:triptych:request:{identifier}",
        "code": code,
        "request_id": identifier,
    }


def render(
    request: Request,
    code: str,
    message: str,
    status: int,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Make the answer to a request that failed, in the shape that its client reads.

    Args:
        request: Its path and its Accept header decide the shape.
        code: One of CODES.
        message: One sentence for a person.
        status: The HTTP status.
        headers: What the answer needs beside its body.
    """
    record.get().error_code = code
    if speaks_open_inference(request.scope["path"]):
        # The protocol's body has room for the message only.
        told = {**(headers or {}), ERROR_CODE_HEADER: code}
        return JSONResponse({"error": message}, status, told)
    if prefers_problem(request.headers.get("accept")):
        return JSONResponse(_problem(code, message, status), status, headers, media_type=_PROBLEM)
    return JSONResponse(error_body(code, message, request_id.get()), status, headers)


def _headers(status: int, error: errors.GatewayError) -> dict[str, str]:
    headers: dict[str, str] = {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_seconds)))
    elif status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = RETRY_AFTER
    if isinstance(error, errors.BodyTimeout):
        headers["Connection"] = "close"  # half a request cannot be followed by another
    return headers


async def _answer_gateway_error(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, errors.GatewayError)  # noqa: S101 - registered for this class only
    status = HTTP_STATUS[type(exc)]
    return render(request, exc.code, str(exc), status, _headers(status, exc))


async def _answer_invalid_parameters(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, RequestValidationError)  # noqa: S101 - registered for this class only
    first = exc.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return render(request, errors.InvalidParameter.code, f"{where}: {first['msg']}", 400)


async def _answer_http_exception(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, HTTPException)  # noqa: S101 - registered for this class only
    code = _CODE_OF_STATUS.get(exc.status_code, _OTHER_STATUS)
    headers = dict(exc.headers or {})
    if exc.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods_at(request))
    return render(request, code, _sentence(request, exc, headers), exc.status_code, headers)


def _methods_at(request: Request) -> list[str]:
    """Every method of this path; Starlette names those of the first route that has it."""
    return [
        method
        for method in _METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]


def _sentence(request: Request, exc: HTTPException, headers: Mapping[str, str]) -> str:
    if exc.status_code == HTTPStatus.NOT_FOUND:
        return "there is no endpoint at this path; /openapi.json lists them"
    allowed = headers.get("Allow")
    if allowed:
        return f"this path does not take {request.method}; it takes {allowed}"
    return str(exc.detail)


def _answering_anything_else(security_headers: SecurityHeaders) -> Handler:
    # Starlette raises it again after this answer, and the server logs it in full. It calls this
    # handler outside all middleware, so nobody else adds these headers.
    outside = {name.decode(): value.decode() for name, value in security_headers.strict}

    async def answer(request: Request, _exc: Exception) -> JSONResponse:
        headers = {
            **outside,
            REQUEST_ID_HEADER: request_id.get(),
            "Server-Timing": record.get().server_timing(),
        }
        return render(request, _UNFORESEEN, "something broke on our side", 500, headers)

    return answer


def install_error_responses(app: FastAPI, security_headers: SecurityHeaders) -> None:
    """Register the handlers; nothing else in the gateway turns an exception into a response."""
    app.add_exception_handler(errors.GatewayError, _answer_gateway_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid_parameters)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(Exception, _answering_anything_else(security_headers))
