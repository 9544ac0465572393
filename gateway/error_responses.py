"""The one table from error class to HTTP status, and the one shape of an error body."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from gateway import errors
from gateway.request_context import REQUEST_ID_HEADER, request_id

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
    errors.LastAdminKey: 409,
    errors.UndecodableImage: 422,
    errors.ImageTooLarge: 422,
    errors.UnsupportedImageFormat: 415,
    errors.UndecodableText: 422,
    errors.TextTooLarge: 422,
    errors.InferenceTimeout: 504,
    errors.InferenceUnavailable: 503,
    errors.InferenceFailed: 502,
    errors.ContractMismatch: 500,
    errors.Overloaded: 503,
    errors.RateLimited: 429,
    errors.DatabaseUnavailable: 503,
}

# Answers that cannot be told apart by their path and status alone when Starlette itself makes them.
_CODE_OF_STATUS: Final = {404: "not_found", 405: "method_not_allowed"}

_METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")

_BODY_NOT_READ: Final = (
    errors.AuthError,
    errors.BodyTimeout,
    errors.PayloadTooLarge,
    errors.RateLimited,
    errors.UnsupportedMediaType,
)


def _body(code: str, message: str) -> dict[str, dict[str, str]]:
    return {"error": {"code": code, "message": message, "request_id": request_id.get()}}


def _headers(status: int, error: errors.GatewayError) -> dict[str, str]:
    headers: dict[str, str] = {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_seconds)))
    elif status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "1"
    if isinstance(error, _BODY_NOT_READ):
        # Without this the connection would go on reading what nobody wants.
        headers["Connection"] = "close"
    return headers


async def _answer_gateway_error(_: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, errors.GatewayError)  # noqa: S101 - registered for this class only
    status = HTTP_STATUS[type(exc)]
    return JSONResponse(_body(exc.code, str(exc)), status, _headers(status, exc))


async def _answer_invalid_parameters(_: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, RequestValidationError)  # noqa: S101 - registered for this class only
    first = exc.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return JSONResponse(_body(errors.InvalidParameter.code, f"{where}: {first['msg']}"), 400)


async def _answer_http_exception(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, HTTPException)  # noqa: S101 - registered for this class only
    code = _CODE_OF_STATUS.get(exc.status_code, "http_error")
    headers = dict(exc.headers or {})
    if exc.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods_at(request))
    return JSONResponse(_body(code, str(exc.detail)), exc.status_code, headers)


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


async def _answer_anything_else(_request: Request, _exc: Exception) -> JSONResponse:
    # Starlette raises it again after this answer, and the server logs it in full. It calls this
    # handler outside all middleware, so nobody else adds the id.
    headers = {REQUEST_ID_HEADER: request_id.get()}
    return JSONResponse(_body("internal_error", "something broke on our side"), 500, headers)


def install_error_responses(app: FastAPI) -> None:
    """Register the handlers; nothing else in the gateway turns an exception into a response."""
    app.add_exception_handler(errors.GatewayError, _answer_gateway_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid_parameters)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(Exception, _answer_anything_else)
