"""What a worker does for jobs, put together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import timedelta
from functools import partial
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.control_plane.database_writes import DatabaseWrites
from gateway.data_plane.routing.route_book import RouteBook
from gateway.data_plane.routing.target import Target
from gateway.data_plane.servers.dispatch import Dispatch
from gateway.data_plane.servers.fleet import Fleet
from gateway.data_plane.servers.fleet_statistics import fleet_statistics
from gateway.data_plane.servers.harmful_items import HarmfulItems
from gateway.data_plane.servers.retry_budget import RetryBudget
from gateway.errors import DatabaseUnavailable, GatewayError
from gateway.jobs.chunk_store import ChunkStore
from gateway.jobs.payload_shelf import PayloadShelf, storage_url
from gateway.jobs.runner.chunk_work import ChunkWork
from gateway.jobs.runner.job_runner import LEASE, JobRunner
from gateway.jobs.runner.listing import Listing
from gateway.jobs.runner.retention import Retention
from gateway.jobs.runner.sources import Sources
from gateway.jobs.runner.spare_capacity import LOOK_SECONDS, Counted, SpareCapacity
from gateway.jobs.webhooks.courier import Courier
from gateway.jobs.webhooks.open_courier import open_courier
from gateway.metrics import GatewayMetrics
from gateway.settings import GatewaySettings

logger = logging.getLogger(__name__)

_RETRIED_SHARE: Final = 0.1
_RETRIED_AT_ONCE: Final = 16
_RETENTION_SECONDS: Final = 5.0


class Jobs:
    """Runs chunks all the time; lists sources and clears away when told to.

    Args:
        engine: The control plane's database.
        fleet: Every Triton.
        routes: Know what names mean.
        settings: Say where items lie and how long they stay.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        fleet: Fleet,
        routes: RouteBook,
        settings: GatewaySettings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_courier = partial(open_courier, settings, engine)
        self._courier: Courier | None = None
        self._fleet = fleet
        self._clock = clock
        self._spare: dict[str, SpareCapacity] = {}
        shelf, sources = PayloadShelf(storage_url(settings)), Sources(settings.job_sources)
        chunks = ChunkStore(engine, secrets.token_hex(8), LEASE)
        work = ChunkWork(
            shelf,
            sources,
            routes,
            _dispatch(fleet, settings),
            self._spare_of,
            max_image_bytes=settings.max_image_bytes,
        )
        self._runner = JobRunner(chunks, work, DatabaseWrites(engine.url))
        self._listing = Listing(chunks, sources, shelf, max_items=settings.job_max_items)
        self._retention = Retention(
            engine,
            shelf,
            kept=timedelta(seconds=settings.job_kept_seconds),
            kept_bytes=settings.job_bytes_kept,
        )
        self._retained_at = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Take chunks meanwhile; at the end those under way are finished, or given back.

        Raises:
            StartRefused: the secret that signs webhooks is open to others.
            DatabaseUnavailable: the database does not answer.
        """
        stop = asyncio.Event()
        async with self._open_courier() as self._courier:
            running = asyncio.create_task(self._runner.run(stop))
            watching = asyncio.create_task(self._watch())
            try:
                yield
            finally:
                stop.set()
                await running
                await _ended(watching)

    async def tell(self) -> None:
        """Call webhooks that are due; whichever worker comes first does.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        if self._courier:
            await self._courier.tick()

    def tick(self) -> None:
        """Begin with what one worker does for all, unless it is still at it.

        Nobody waits for it: a storage that hangs must not keep rollouts from being driven. Should
        the lease go to another worker meanwhile, both may do it, as whatever is done is done once.
        """
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())

    async def rest(self) -> None:
        """Break off what `tick` began, so that nothing asks the database any more."""
        if self._looking is not None:
            await _ended(self._looking)

    async def _look(self) -> None:
        try:
            await self._listing.look()
            await self._clear_away()
        except DatabaseUnavailable as exc:
            logger.warning("%s; sources are listed and items cleared away when it does", exc)
        except Exception:  # last resort: nobody would look at a task that failed
            logger.exception("looking after jobs has failed; the next look is soon")

    async def _clear_away(self) -> None:
        now = self._clock()
        if now - self._retained_at < _RETENTION_SECONDS:
            return
        self._retained_at = now
        try:
            await self._retention.look()
        except DatabaseUnavailable:
            raise
        except GatewayError as exc:
            logger.warning("items of jobs that have ended stay for now: %s", exc)

    def _spare_of(self, target: Target) -> SpareCapacity:
        spare = self._spare.get(target.release)
        if spare is None:
            most = target.max_batch_size
            spare = SpareCapacity(target.release, most, self._counted, self._clock)
            self._spare[target.release] = spare
        return spare

    async def _counted(self, release: str) -> Counted:
        statistics = await fleet_statistics(self._fleet, release)
        return Counted(statistics["inference_stats"]["success"]["count"], len(self._fleet.servers))

    async def _watch(self) -> None:
        """See who else asks, as long as there is work; without it, nobody need be watched."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._runner.is_idle:
                self._spare.clear()
            await _all_of(spare.look for spare in list(self._spare.values()))


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _all_of(looks: Iterable[Callable[[], Awaitable[None]]]) -> None:
    for look in looks:
        try:
            await look()
        except Exception:  # last resort: a loop that ended would never be missed
            logger.exception("who else asks cannot be told; the next look is soon")


def _dispatch(fleet: Fleet, settings: GatewaySettings) -> Dispatch:
    # Counts nobody reads: a worker has no /metrics.
    metrics = GatewayMetrics()
    harmful = HarmfulItems(
        settings.state_dir / "harmful", kept_bytes=settings.harmful_bytes_kept, metrics=metrics
    )
    budget = RetryBudget(share=_RETRIED_SHARE, burst=_RETRIED_AT_ONCE)
    patience = settings.recovery_patience_seconds
    return Dispatch(fleet, budget, harmful, metrics, patience_seconds=patience)
