"""GET /v2...: health, metadata, configuration and statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from gateway.control_plane.api_key import Scope
from gateway.data_plane import openapi_examples
from gateway.data_plane.open_inference.infer_response import MODEL_VERSION
from gateway.data_plane.open_inference.model_metadata import (
    model_config,
    model_metadata,
    model_statistics,
    server_metadata,
)
from gateway.data_plane.open_inference.protocol_openapi import OF_MODEL, answers
from gateway.data_plane.routing.target import Target
from gateway.data_plane.servers.fleet_statistics import fleet_statistics
from gateway.dependencies import PredictKey, Routes, Servers, check_may_use, require
from gateway.errors import InferenceUnavailable, UnknownModelVersion
from gateway.request_context import record

MODEL_PATH: Final = "/models/{model}"
VERSION_PATH: Final = "/models/{model}/versions/{version}"
_JSON: Final = "application/json"
_MODEL_ERRORS: Final = (401, 403, 404, 503)

router = APIRouter(prefix="/v2", tags=["open inference"], default_response_class=Response)


@dataclass(frozen=True, slots=True)
class AskedModel:
    """The model that a path names."""

    name: str
    """As the path has it."""
    target: Target


async def _asked_model(request: Request, routes: Routes, key: PredictKey) -> AskedModel:
    name = named_model(request)
    check_may_use(key, name)
    target = routes.target(name)
    known = record.get()
    known.alias, known.release, known.tenant = name, target.release, key.tenant
    return AskedModel(name, target)


def named_model(request: Request) -> str:
    """The model that a path names; a version beside it may only be the one that all have.

    Raises:
        UnknownModelVersion: it is another.
    """
    path = request.path_params
    name = str(path["model"])
    if path.get("version", MODEL_VERSION) != MODEL_VERSION:
        raise UnknownModelVersion(
            f"{name!r} has the one version {MODEL_VERSION}; "
            "the number of a release is part of its name"
        )
    return name


Asked = Annotated[AskedModel, Depends(_asked_model)]


def _json(content: bytes) -> Response:
    return Response(content, media_type=_JSON)


@router.get(
    "",
    dependencies=[Depends(require(Scope.PREDICT))],
    responses=answers(openapi_examples.SERVER, 401, 403, forbidden="scope_missing"),
    summary="What this server is",
)
async def server() -> Response:
    """Name, version and extensions."""
    return _json(server_metadata())


@router.get("/health/live", responses=answers(openapi_examples.LIVE), summary="Is the server live?")
async def live() -> Response:
    """Say that this process answers; needs no key."""
    return _json(b'{"live":true}')


@router.get(
    "/health/ready", responses=answers(openapi_examples.READY, 503), summary="Is the server ready?"
)
async def ready(servers: Servers) -> Response:
    """200 while golden inputs get their golden answers; needs no key."""
    verdict = servers.verdict()
    if not verdict.is_ready:
        raise InferenceUnavailable(f"not ready since {verdict.since}: {verdict.reason}")
    return _json(b'{"ready":true}')


@router.get(
    MODEL_PATH,
    openapi_extra=OF_MODEL,
    responses=answers(openapi_examples.METADATA, *_MODEL_ERRORS),
    summary="Tensors of a model",
)
@router.get(VERSION_PATH, include_in_schema=False)
async def model(asked: Asked) -> Response:
    """Input and outputs; the input's `parameters` say what its JSON strings hold."""
    return _json(model_metadata(asked.name, asked.target))


@router.get(
    f"{MODEL_PATH}/ready",
    openapi_extra=OF_MODEL,
    responses=answers(openapi_examples.READY, *_MODEL_ERRORS),
    summary="Is the model ready?",
)
@router.get(f"{VERSION_PATH}/ready", include_in_schema=False)
async def model_ready(asked: Asked, servers: Servers) -> Response:
    """200 while this model's golden inputs get their golden answers."""
    if not servers.has_ready(asked.target.release):
        raise InferenceUnavailable(f"{asked.target.release} is not ready")
    return _json(b'{"ready":true}')


@router.get(
    f"{MODEL_PATH}/config",
    openapi_extra=OF_MODEL,
    responses=answers(openapi_examples.CONFIGURATION, *_MODEL_ERRORS),
    summary="Configuration of a model",
)
@router.get(f"{VERSION_PATH}/config", include_in_schema=False)
async def config(asked: Asked) -> Response:
    """Name, max_batch_size, input and output, as Triton's model configuration has them."""
    return _json(model_config(asked.name, asked.target))


@router.get(
    f"{MODEL_PATH}/stats",
    openapi_extra=OF_MODEL,
    responses=answers(openapi_examples.STATISTICS, *_MODEL_ERRORS, 500, 502, 504),
    summary="Triton's statistics of a model",
)
@router.get(f"{VERSION_PATH}/stats", include_in_schema=False)
async def statistics(asked: Asked, servers: Servers) -> Response:
    """Triton's statistics of the release, from every client of it, over all servers."""
    counted = await fleet_statistics(servers, asked.target.release)
    return _json(model_statistics(asked.name, counted))
