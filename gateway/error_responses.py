"""The one table from error class to HTTP status, and the shapes of an error body."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from gateway import errors
from gateway.request_context import REQUEST_ID_HEADER, request_id

HTTP_STATUS: Final[dict[type[errors.GatewayError], int]] = {
    errors.MissingApiKey: 401,
    errors.UnknownApiKey: 401,
    errors.ScopeMissing: 403,
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
    errors.UnknownModelVersion: 404,
    errors.InvalidInferRequest: 400,
    errors.MalformedCompression: 400,
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
}

ERROR_CODE_HEADER: Final = "X-Error-Code"

# Answers that cannot be told apart by their path and status alone when Starlette itself makes them.
_CODE_OF_STATUS: Final = {404: "not_found", 405: "method_not_allowed"}

_BODY_NOT_READ: Final = (
    errors.AuthError,
    errors.BodyTimeout,
    errors.MalformedCompression,
    errors.PayloadTooLarge,
    errors.UnsupportedMediaType,
)


def _answer(
    request: Request, status: int, code: str, message: str, headers: Mapping[str, str]
) -> JSONResponse:
    if _speaks_open_inference(request.scope["path"]):
        # The protocol's body has room for the message only.
        return JSONResponse({"error": message}, status, {**headers, ERROR_CODE_HEADER: code})
    told = {"code": code, "message": message, "request_id": request_id.get()}
    return JSONResponse({"error": told}, status, headers)


def _speaks_open_inference(path: str) -> bool:
    return path == "/v2" or path.startswith("/v2/")


def _headers(status: int, error: errors.GatewayError) -> dict[str, str]:
    headers: dict[str, str] = {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "1"
    if isinstance(error, _BODY_NOT_READ):
        # Without this the connection would go on reading what nobody wants.
        headers["Connection"] = "close"
    return headers


async def _answer_gateway_error(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, errors.GatewayError)  # noqa: S101 - registered for this class only
    status = HTTP_STATUS[type(exc)]
    return _answer(request, status, exc.code, str(exc), _headers(status, exc))


async def _answer_invalid_parameters(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, RequestValidationError)  # noqa: S101 - registered for this class only
    first = exc.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    message = f"{where}: {first['msg']}"
    return _answer(request, 400, errors.InvalidParameter.code, message, {})


async def _answer_http_exception(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, HTTPException)  # noqa: S101 - registered for this class only
    code = _CODE_OF_STATUS.get(exc.status_code, "http_error")
    return _answer(request, exc.status_code, code, str(exc.detail), exc.headers or {})


async def _answer_anything_else(request: Request, _exc: Exception) -> JSONResponse:
    # Starlette raises it again after this answer, and the server logs it in full. It calls this
    # handler outside all middleware, so nobody else adds the id.
    headers = {REQUEST_ID_HEADER: request_id.get()}
    return _answer(request, 500, "internal_error", "something broke on our side", headers)


def install_error_responses(app: FastAPI) -> None:
    """Register the handlers; nothing else in the gateway turns an exception into a response."""
    app.add_exception_handler(errors.GatewayError, _answer_gateway_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid_parameters)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(Exception, _answer_anything_else)
