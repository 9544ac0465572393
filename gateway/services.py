"""Everything that lives as long as the application: opened, kept fresh, closed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.control_plane.control_plane import ControlPlane
from gateway.control_plane.experiments.totals_reporter import (
    REPORT_INTERVAL_SECONDS,
    TotalsReporter,
)
from gateway.control_plane.first_keys import FirstKeys
from gateway.control_plane.key_usage.usage_counts import UsageCounts
from gateway.control_plane.key_usage.usage_reporter import USAGE_INTERVAL_SECONDS, UsageReporter
from gateway.control_plane.key_usage.usage_store import UsageStore
from gateway.control_plane.keys import KeyStore
from gateway.control_plane.running_keys import RunningKeys, running_keys
from gateway.control_plane.supervisor_observations import SupervisorObservations
from gateway.data_plane.admission.admission import Admission, AdmissionLimits
from gateway.data_plane.answer_cache import open_answer_cache
from gateway.data_plane.arm_counts import ArmCounts
from gateway.data_plane.mirroring.disagreements import Disagreements
from gateway.data_plane.mirroring.mirror import Mirror
from gateway.data_plane.prediction import Predictor
from gateway.data_plane.rate_limits import RateLimits
from gateway.data_plane.routing.route_book import RouteBook
from gateway.data_plane.servers.dispatch import Dispatch
from gateway.data_plane.servers.fleet import Fleet
from gateway.data_plane.servers.harmful_items import HarmfulItems
from gateway.data_plane.servers.open_fleet import open_fleet
from gateway.data_plane.servers.retry_budget import RetryBudget
from gateway.jobs.intake.reception import Reception, open_reception
from gateway.jobs.job_reading import JobReading, job_reading
from gateway.jobs.job_store import JobStore
from gateway.metrics import GatewayMetrics
from gateway.monitoring.gateway_samples import GatewaySamples
from gateway.monitoring.job_states import JobStates
from gateway.monitoring.parts_health import PartsHealth
from gateway.monitoring.rollout_states import RolloutStates
from gateway.monitoring.sample_shelf import OwnShelf, SharedShelf
from gateway.request_books import RequestBooks
from gateway.settings import GatewaySettings
from gateway.tracing import Tracing

logger = logging.getLogger(__name__)

_RETRIED_SHARE: Final = 0.1
_ASK_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Services:
    """What routes are made of; each takes its part."""

    settings: GatewaySettings
    metrics: GatewayMetrics
    keys: KeyStore
    first_keys: FirstKeys
    usage: UsageStore
    limits: RateLimits
    fleet: Fleet
    routes: RouteBook
    control: ControlPlane
    admission: Admission
    predictor: Predictor
    arm_counts: ArmCounts
    tracing: Tracing
    observations: SupervisorObservations
    samples: GatewaySamples
    parts: PartsHealth
    jobs: JobStore
    job_reading: JobReading
    reception: Reception


@contextlib.asynccontextmanager
async def running_services(
    settings: GatewaySettings, books: RequestBooks, shared_folder: Path | None
) -> AsyncIterator[Services]:
    """Open what the application needs, keep it fresh, and close it at the end, last first.

    Raises:
        StartRefused: a secret is open to others, or the database cannot be used.
    """
    metrics = books.metrics
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        keys = await enter(running_keys(settings))
        fleet = await enter(open_fleet(settings))
        limits = await enter(_open_limits(settings))
        cache = await enter(open_answer_cache(settings, metrics))
        admission = _admission(settings, metrics, fleet)
        control = await enter(_kept_fresh(settings, keys, fleet, metrics))
        mirror = _mirror(settings, fleet, admission, metrics)
        yield Services(
            settings=settings,
            metrics=metrics,
            keys=keys.store,
            first_keys=keys.first,
            usage=await enter(_written_usage(keys.engine, books.usage)),
            limits=limits,
            fleet=fleet,
            routes=RouteBook(fleet, control.routes),
            control=control,
            admission=admission,
            predictor=Predictor(_dispatch(settings, fleet, metrics), cache),
            arm_counts=await enter(_reported(control, mirror)),
            tracing=await enter(_exported(books.tracing, settings.otlp_url)),
            observations=SupervisorObservations(fleet),
            samples=await enter(_sampled(metrics, admission, shared_folder)),
            parts=await enter(_asked_often(PartsHealth(keys.engine, fleet, limits))),
            jobs=JobStore(keys.engine),
            job_reading=await enter(job_reading(keys.engine, keys.hash_secret)),
            reception=open_reception(settings, keys.engine),
        )


@contextlib.asynccontextmanager
async def _kept_fresh(
    settings: GatewaySettings, keys: RunningKeys, fleet: Fleet, metrics: GatewayMetrics
) -> AsyncIterator[ControlPlane]:
    """Know keys and routes as the database has them, and how rollouts and jobs stand."""
    kept = settings.shadow_items_kept
    control = await ControlPlane.opened(keys.engine, fleet, items_kept=kept)
    pause = settings.status_interval_seconds / 2
    rollouts = RolloutStates(control.rollouts, metrics.rollout_changed)
    async with (
        _repeating(keys.store.poll, pause),
        _repeating(control.routes.poll, pause),
        _repeating(rollouts.look, _ASK_SECONDS),
        _repeating(JobStates(JobStore(keys.engine), metrics).look, _ASK_SECONDS),
    ):
        yield control


@contextlib.asynccontextmanager
async def _open_limits(settings: GatewaySettings) -> AsyncIterator[RateLimits]:
    limits = RateLimits(settings.redis_url.get_secret_value() if settings.redis_url else None)
    try:
        yield limits
    finally:
        await limits.close()


@contextlib.asynccontextmanager
async def _sampled(
    metrics: GatewayMetrics, admission: Admission, shared_folder: Path | None
) -> AsyncIterator[GatewaySamples]:
    shelf = SharedShelf(shared_folder) if shared_folder else OwnShelf()
    samples = GatewaySamples(metrics.traffic, admission, shelf)
    async with _running(samples.run):
        yield samples


@contextlib.asynccontextmanager
async def _asked_often(parts: PartsHealth) -> AsyncIterator[PartsHealth]:
    async with _repeating(parts.ask_neighbours, _ASK_SECONDS):
        yield parts


def _dispatch(settings: GatewaySettings, fleet: Fleet, metrics: GatewayMetrics) -> Dispatch:
    harmful = HarmfulItems(
        settings.state_dir / "harmful", kept_bytes=settings.harmful_bytes_kept, metrics=metrics
    )
    # When a server dies, all that is in flight there is asked again at once.
    budget = RetryBudget(share=_RETRIED_SHARE, burst=settings.max_in_flight)
    return Dispatch(
        fleet, budget, harmful, metrics, patience_seconds=settings.recovery_patience_seconds
    )


def _mirror(
    settings: GatewaySettings, fleet: Fleet, admission: Admission, metrics: GatewayMetrics
) -> Mirror:
    return Mirror(
        fleet,
        admission,
        metrics,
        Disagreements(keeps_items=settings.shadow_items_kept > 0),
        max_copies=settings.shadow_in_flight,
        patience_seconds=settings.inference_timeout_seconds,
    )


@contextlib.asynccontextmanager
async def _reported(control: ControlPlane, mirror: Mirror) -> AsyncIterator[ArmCounts]:
    """Count what arms do, and write it down, to the very last."""
    arm_counts = ArmCounts(mirror)
    reporter = TotalsReporter(
        control.totals, control.gallery, arm_counts, mirror, lambda: control.routes.known
    )
    try:
        async with _repeating(reporter.report, REPORT_INTERVAL_SECONDS):
            yield arm_counts
    finally:
        await reporter.close()


@contextlib.asynccontextmanager
async def _written_usage(engine: AsyncEngine, counts: UsageCounts) -> AsyncIterator[UsageStore]:
    """Write down what keys use, to the very last."""
    store = UsageStore(engine)
    reporter = UsageReporter(counts, store)
    try:
        async with _repeating(reporter.report, USAGE_INTERVAL_SECONDS):
            yield store
    finally:
        await reporter.report()


def _admission(settings: GatewaySettings, metrics: GatewayMetrics, fleet: Fleet) -> Admission:
    admission = Admission(
        AdmissionLimits(
            max_admitted=settings.max_admitted,
            max_admitted_bytes=settings.max_admitted_bytes,
            max_in_flight=settings.max_in_flight,
            latency_tolerance=settings.latency_tolerance,
        )
    )
    metrics.watch(admission, fleet)
    return admission


@contextlib.asynccontextmanager
async def _repeating(
    action: Callable[[], Awaitable[object]], interval_seconds: float
) -> AsyncIterator[None]:
    """Do something again and again that remembers or logs its troubles and raises none."""

    async def repeat() -> None:
        while True:
            await asyncio.sleep(interval_seconds)
            try:
                await action()
            except Exception:  # last resort: a loop that ended would never be missed
                logger.exception("what is done again and again has failed; it goes on")

    async with _running(repeat):
        yield


@contextlib.asynccontextmanager
async def _running(work: Callable[[], Coroutine[None, None, None]]) -> AsyncIterator[None]:
    """Have something done meanwhile that ends when it is cancelled."""
    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def _exported(tracing: Tracing, url: str | None) -> AsyncIterator[Tracing]:
    """Send spans of sampled requests to a collector, where there is one."""
    if url is None:
        yield tracing
        return
    # Importing OpenTelemetry's SDK takes a tenth of the start, and few gateways have a collector.
    from gateway.otlp_export import OtlpExport  # noqa: PLC0415 - the reason above

    tracing.sink = export = OtlpExport(url)
    try:
        yield tracing
    finally:
        await asyncio.to_thread(export.close)
