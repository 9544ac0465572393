"""What route functions ask for. All of it reads headers only: no body before a key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, cast

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.datastructures import Headers

from gateway.control_plane.api_key import ApiKey, Scope
from gateway.control_plane.control_plane import ControlPlane
from gateway.control_plane.first_keys import FirstKeys
from gateway.control_plane.key_usage.usage_store import UsageStore
from gateway.control_plane.keys import KeyStore
from gateway.control_plane.supervisor_observations import SupervisorObservations
from gateway.data_plane.routing.route_book import RouteBook
from gateway.data_plane.servers.fleet import Fleet
from gateway.errors import AliasForbidden, MissingApiKey, ScopeMissing
from gateway.jobs.answer_reader import AnswerReader
from gateway.jobs.job_store import JobStore
from gateway.jobs.job_watch import JobWatch
from gateway.jobs.webhooks.signature import WebhookSecrets
from gateway.metrics import GatewayMetrics
from gateway.monitoring.gateway_samples import GatewaySamples
from gateway.monitoring.parts_health import PartsHealth
from gateway.request_context import RequestRecord, record
from gateway.services import Services
from gateway.settings import GatewaySettings
from gateway.tracing import Tracing, sample

_bearer = HTTPBearer(auto_error=False, description="Authorization: Bearer KEY")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="X-API-Key: KEY")


def services_of(request: Request) -> Services:
    """What the application is made of."""
    return cast(Services, request.app.state.services)


# Asynchronous, because FastAPI would call an ordinary function in another thread.
async def _settings(request: Request) -> GatewaySettings:
    return services_of(request).settings


async def _metrics(request: Request) -> GatewayMetrics:
    return services_of(request).metrics


async def _keys(request: Request) -> KeyStore:
    return services_of(request).keys


async def _first_keys(request: Request) -> FirstKeys:
    return services_of(request).first_keys


async def _usage(request: Request) -> UsageStore:
    return services_of(request).usage


async def _fleet(request: Request) -> Fleet:
    return services_of(request).fleet


async def _routes(request: Request) -> RouteBook:
    return services_of(request).routes


async def _control(request: Request) -> ControlPlane:
    return services_of(request).control


async def _tracing(request: Request) -> Tracing:
    return services_of(request).tracing


async def _observations(request: Request) -> SupervisorObservations:
    return services_of(request).observations


async def _samples(request: Request) -> GatewaySamples:
    return services_of(request).samples


async def _parts(request: Request) -> PartsHealth:
    return services_of(request).parts


async def _jobs(request: Request) -> JobStore:
    return services_of(request).jobs


async def _answers(request: Request) -> AnswerReader:
    return services_of(request).job_reading.answers


async def _job_watch(request: Request) -> JobWatch:
    return services_of(request).job_reading.watch


async def _webhook_secrets(request: Request) -> WebhookSecrets:
    return services_of(request).job_reading.webhook_secrets


async def _ends(request: Request) -> Callable[[], bool]:
    stopping = request.app.state.stopping
    return lambda: stopping.refuses or stopping.retires


Settings = Annotated[GatewaySettings, Depends(_settings)]
Metrics = Annotated[GatewayMetrics, Depends(_metrics)]
Keys = Annotated[KeyStore, Depends(_keys)]
FirstKeyFiles = Annotated[FirstKeys, Depends(_first_keys)]
KeyUsages = Annotated[UsageStore, Depends(_usage)]
Routes = Annotated[RouteBook, Depends(_routes)]
Control = Annotated[ControlPlane, Depends(_control)]
Servers = Annotated[Fleet, Depends(_fleet)]
Traces = Annotated[Tracing, Depends(_tracing)]
Observations = Annotated[SupervisorObservations, Depends(_observations)]
Samples = Annotated[GatewaySamples, Depends(_samples)]
Parts = Annotated[PartsHealth, Depends(_parts)]
Jobs = Annotated[JobStore, Depends(_jobs)]
Answers = Annotated[AnswerReader, Depends(_answers)]
Watch = Annotated[JobWatch, Depends(_job_watch)]
WebhookKeys = Annotated[WebhookSecrets, Depends(_webhook_secrets)]
# Tells a stream whether this process is about to end.
Ends = Annotated[Callable[[], bool], Depends(_ends)]


async def authenticate(request: Request, *scopes: Scope) -> ApiKey:
    """Say whose request this is, from its headers.

    Raises:
        MissingApiKey: no key came with it.
        UnknownApiKey: nobody's, or revoked.
        ScopeMissing: the key has none of these scopes.
    """
    presented = _presented(request.headers)
    if not presented:
        raise MissingApiKey("send an API key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'")
    key = await services_of(request).keys.recognise(presented)
    known = record.get()
    known.key_id = key.id
    if not any(key.may(scope) for scope in scopes):
        raise ScopeMissing(f"this key lacks the scope {scopes[0].value!r}")
    if known.wants_trace:
        _grant_trace(known, key)
    known.auth_ended()
    return key


def _grant_trace(known: RequestRecord, key: ApiKey) -> None:
    """A traced request costs Triton a quarter of a millisecond, so not everybody may order it."""
    if not key.may(Scope.METRICS):
        raise ScopeMissing("X-Trace needs a key with the scope 'metrics'")
    if known.trace is None:
        sample(known)


def _presented(headers: Headers) -> str | None:
    kind, _, credentials = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and credentials:
        return credentials
    return headers.get("x-api-key")


def require(*scopes: Scope) -> Callable[..., Awaitable[ApiKey]]:
    """Make the dependency that lets only keys with one of these scopes pass."""

    async def authorise(
        request: Request,
        _bearer: Annotated[object, Security(_bearer)],  # for OpenAPI
        _header: Annotated[object, Security(_header)],
    ) -> ApiKey:
        return await authenticate(request, *scopes)

    return authorise


PredictKey = Annotated[ApiKey, Depends(require(Scope.PREDICT))]


def check_may_use(key: ApiKey, name: str) -> None:
    """See that a key may ask this alias or release; one that does not exist is not told apart.

    Raises:
        AliasForbidden: it may not.
    """
    if not key.may_use(name):
        raise AliasForbidden(f"this key may not use {name[:64]!r}")
