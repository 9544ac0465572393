"""What route functions ask for. All of it reads headers only: no body before a key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from gateway.control_plane.api_key import ApiKey, Scope
from gateway.control_plane.first_keys import FirstKeys
from gateway.control_plane.keys import KeyStore
from gateway.data_plane.prediction import Predictor
from gateway.data_plane.rate_limits import RateLimits
from gateway.data_plane.server_health import ServerHealth
from gateway.errors import AliasForbidden, MissingApiKey, ScopeMissing
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
    first_keys: FirstKeys
    limits: RateLimits
    health: ServerHealth
    predictor: Predictor


def _services(request: Request) -> Services:
    return cast(Services, request.app.state.services)


def _settings(request: Request) -> GatewaySettings:
    return _services(request).settings


def _metrics(request: Request) -> GatewayMetrics:
    return _services(request).metrics


def _keys(request: Request) -> KeyStore:
    return _services(request).keys


def _first_keys(request: Request) -> FirstKeys:
    return _services(request).first_keys


def _limits(request: Request) -> RateLimits:
    return _services(request).limits


def _health(request: Request) -> ServerHealth:
    return _services(request).health


def _predictor(request: Request) -> Predictor:
    return _services(request).predictor


Settings = Annotated[GatewaySettings, Depends(_settings)]
Metrics = Annotated[GatewayMetrics, Depends(_metrics)]
Keys = Annotated[KeyStore, Depends(_keys)]
FirstKeyFiles = Annotated[FirstKeys, Depends(_first_keys)]
Limits = Annotated[RateLimits, Depends(_limits)]
Health = Annotated[ServerHealth, Depends(_health)]
Prediction = Annotated[Predictor, Depends(_predictor)]


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


PredictKey = Annotated[ApiKey, Depends(require(Scope.PREDICT))]


def check_may_use(key: ApiKey, name: str) -> None:
    """See that a key may ask this alias or release; one that does not exist is not told apart.

    Raises:
        AliasForbidden: it may not.
    """
    if not key.may_use(name):
        raise AliasForbidden(f"this key may not use {name!r}")
