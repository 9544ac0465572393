"""What route functions ask for. All of it reads headers only: no body before a key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from gateway.control_plane.keys import ApiKey, KeyStore, Scope
from gateway.data_plane.prediction import Predictor
from gateway.data_plane.server_health import ServerHealth
from gateway.data_plane.triton_client import TritonClient
from gateway.errors import MissingApiKey, ScopeMissing
from gateway.metrics import GatewayMetrics
from gateway.request_context import record
from gateway.settings import GatewaySettings

_bearer = HTTPBearer(auto_error=False, description="Authorization: Bearer KEY")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="X-API-Key: KEY")


@dataclass(frozen=True)
class Services:
    """Everything that lives as long as the application; `main` makes it, routes get their part."""

    settings: GatewaySettings
    metrics: GatewayMetrics
    keys: KeyStore
    health: ServerHealth
    predictor: Predictor
    triton: TritonClient


def _services(request: Request) -> Services:
    return cast(Services, request.app.state.services)


def _settings(request: Request) -> GatewaySettings:
    return _services(request).settings


def _metrics(request: Request) -> GatewayMetrics:
    return _services(request).metrics


def _keys(request: Request) -> KeyStore:
    return _services(request).keys


def _health(request: Request) -> ServerHealth:
    return _services(request).health


def _predictor(request: Request) -> Predictor:
    return _services(request).predictor


def _triton(request: Request) -> TritonClient:
    return _services(request).triton


Settings = Annotated[GatewaySettings, Depends(_settings)]
Metrics = Annotated[GatewayMetrics, Depends(_metrics)]
Keys = Annotated[KeyStore, Depends(_keys)]
Health = Annotated[ServerHealth, Depends(_health)]
Prediction = Annotated[Predictor, Depends(_predictor)]
Triton = Annotated[TritonClient, Depends(_triton)]


def require(scope: Scope) -> Callable[..., Awaitable[ApiKey]]:
    """Make the dependency that lets only keys with this scope pass."""

    async def authorise(
        keys: Keys,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
        header: Annotated[str | None, Security(_header)],
    ) -> ApiKey:
        presented = bearer.credentials if bearer else header
        if not presented:
            raise MissingApiKey(
                "send an API key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'"
            )
        key = keys.recognise(presented)
        record.get().key_id = key.id
        if not key.may(scope):
            raise ScopeMissing(f"this key lacks the scope {scope.value!r}")
        return key

    return authorise
