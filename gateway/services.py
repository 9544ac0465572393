"""Everything that lives as long as the application: opened, kept fresh, closed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import httpx

from gateway.control_plane.first_keys import FirstKeys
from gateway.control_plane.keys import KeyStore
from gateway.control_plane.running_keys import running_keys
from gateway.control_plane.supervisor_observations import SupervisorObservations
from gateway.data_plane.admission.admission import Admission, AdmissionLimits
from gateway.data_plane.answer_cache import open_answer_cache
from gateway.data_plane.prediction import Predictor
from gateway.data_plane.rate_limits import RateLimits
from gateway.data_plane.server_health import ServerHealth
from gateway.data_plane.triton_client import TritonClient
from gateway.errors import StartRefused
from gateway.metrics import GatewayMetrics
from gateway.otlp_export import OtlpExport
from gateway.settings import GatewaySettings
from gateway.tracing import Tracing

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Services:
    """What routes are made of; each takes its part."""

    settings: GatewaySettings
    metrics: GatewayMetrics
    keys: KeyStore
    first_keys: FirstKeys
    limits: RateLimits
    health: ServerHealth
    admission: Admission
    predictor: Predictor
    triton: TritonClient
    tracing: Tracing
    observations: SupervisorObservations


@contextlib.asynccontextmanager
async def running_services(
    settings: GatewaySettings, metrics: GatewayMetrics, tracing: Tracing
) -> AsyncIterator[Services]:
    """Open what the application needs, keep it fresh, and close it at the end, last first.

    Raises:
        StartRefused: a secret is open to others, or the database cannot be used.
    """
    async with contextlib.AsyncExitStack() as stack:
        keys = await stack.enter_async_context(running_keys(settings))
        supervisor = await stack.enter_async_context(_supervisor(settings))
        health = ServerHealth(supervisor, max_age_seconds=settings.status_max_age_seconds)
        await health.refresh()
        redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
        limits = RateLimits(redis_url)
        stack.push_async_callback(limits.close)
        triton = TritonClient(settings.triton_url)
        stack.push_async_callback(triton.close)
        cache = await stack.enter_async_context(open_answer_cache(settings, metrics))
        admission = Admission(_admission_limits(settings))
        metrics.watch(admission)
        for action in (health.refresh, keys.store.poll):
            await stack.enter_async_context(_repeating(action, settings.status_interval_seconds))
        await stack.enter_async_context(_exported(tracing, settings.otlp_url))
        yield Services(
            settings=settings,
            metrics=metrics,
            keys=keys.store,
            first_keys=keys.first,
            limits=limits,
            health=health,
            admission=admission,
            predictor=Predictor(triton, cache),
            triton=triton,
            tracing=tracing,
            observations=SupervisorObservations(supervisor),
        )


def _supervisor(settings: GatewaySettings) -> httpx.AsyncClient:
    try:
        return httpx.AsyncClient(base_url=settings.supervisor_url, timeout=1.0, trust_env=False)
    except httpx.InvalidURL as exc:
        raise StartRefused(f"GATEWAY_SUPERVISOR_URL is no URL: {exc}") from exc


def _admission_limits(settings: GatewaySettings) -> AdmissionLimits:
    return AdmissionLimits(
        max_admitted=settings.max_admitted,
        max_admitted_bytes=settings.max_admitted_bytes,
        max_in_flight=settings.max_in_flight,
        latency_tolerance=settings.latency_tolerance,
    )


@contextlib.asynccontextmanager
async def _repeating(
    action: Callable[[], Awaitable[None]], interval_seconds: float
) -> AsyncIterator[None]:
    """Do something again and again that remembers or logs its troubles and raises none."""

    async def repeat() -> None:
        while True:
            await asyncio.sleep(interval_seconds)
            try:
                await action()
            except Exception:  # last resort: a loop that ended would never be missed
                logger.exception("what is done again and again has failed; it goes on")

    loop = asyncio.create_task(repeat())
    try:
        yield
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)


@contextlib.asynccontextmanager
async def _exported(tracing: Tracing, url: str | None) -> AsyncIterator[None]:
    """Send spans of sampled requests to a collector, where there is one."""
    if url is None:
        yield
        return
    tracing.sink = export = OtlpExport(url)
    try:
        yield
    finally:
        await asyncio.to_thread(export.close)
