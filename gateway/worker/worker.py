"""What the worker does each second, while it is the one who does it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.control_plane.database import open_database
from gateway.control_plane.experiments.totals_store import TotalsStore
from gateway.control_plane.releases.release_orders import ReleaseOrders
from gateway.control_plane.rollouts.candidate_loads import CandidateLoads
from gateway.control_plane.rollouts.lease import Lease, LeaseLost
from gateway.control_plane.rollouts.reconciler import Reconciler
from gateway.control_plane.rollouts.rollout_driver import RolloutDriver
from gateway.control_plane.rollouts.rollout_store import RolloutStore
from gateway.control_plane.routing.route_rules import check_route
from gateway.control_plane.routing.route_store import RouteStore
from gateway.data_plane.routing.route_book import RouteBook
from gateway.data_plane.servers.fleet import Fleet
from gateway.data_plane.servers.open_fleet import open_fleet
from gateway.errors import DatabaseUnavailable
from gateway.settings import GatewaySettings
from gateway.worker.jobs import Jobs

logger = logging.getLogger(__name__)

_TICK_SECONDS: Final = 1.0
_RECONCILE_SECONDS: Final = 2.0
_GIVE_BACK_SECONDS: Final = 2.0
# No request waits for what it hears, so it need not ask as often as a gateway.
_STATUS_SECONDS: Final = 2.0
_LEASE: Final = "worker"


class Worker:
    """Drives while it holds the lease; runs jobs in any case.

    Args:
        engine: The control plane's database.
        fleet: Every Triton.
        settings: Of the gateway.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        fleet: Fleet,
        settings: GatewaySettings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._lease = Lease(engine, _LEASE, clock=clock)
        self._routes = RouteStore(engine)
        book = RouteBook(fleet, self._routes)
        releases = ReleaseOrders(engine, fleet, self._routes)
        self._driver = RolloutDriver(
            RolloutStore(engine),
            self._routes,
            TotalsStore(engine),
            CandidateLoads(releases, clock=clock),
            unset=book.unset,
            check=partial(check_route, fleet=fleet),
            fence=self._lease.confirm,
            clock=clock,
        )
        self._reconciler = Reconciler(fleet, book, releases.wishes, clock=clock)
        self.jobs = Jobs(engine, fleet, book, settings, clock=clock)
        self._reconciled_at = float("-inf")
        self._is_at_work = False
        self._is_troubled = False

    async def tick(self) -> None:
        """Do what there is to do; trouble is logged, once, and ends nothing."""
        try:
            await self._work()
        except LeaseLost:
            self._note_lease(False)
        except DatabaseUnavailable as exc:
            self._note_trouble(exc)
            return
        except Exception:  # last resort: a loop that ended would never be missed
            logger.exception("a look has failed; the next one is in a second")
        self._note_trouble(None)

    async def _work(self) -> None:
        await self._lease.keep()
        self._note_lease(self._lease.is_held)
        # Every worker runs jobs: it has to know whom routes name, and tells who wants to know.
        await self._routes.poll()
        await self.jobs.tell()
        if not self._lease.is_held:
            return
        await self._driver.tick()
        now = self._clock()
        if self._lease.is_held and now - self._reconciled_at >= _RECONCILE_SECONDS:
            self._reconciled_at = now
            await self._reconciler.look()
            self.jobs.tick()

    def _note_lease(self, is_held: bool) -> None:
        if is_held and not self._is_at_work:
            logger.info("this worker has the lease, and drives")
        if self._is_at_work and not is_held:
            logger.warning("this worker has lost the lease; another one drives")
            self._driver.rest()
        self._is_at_work = is_held

    def _note_trouble(self, trouble: Exception | None) -> None:
        if trouble and not self._is_troubled:
            logger.warning("%s; this worker goes on when it does", trouble)
        if self._is_troubled and not trouble:
            logger.info("the database answers again")
        self._is_troubled = trouble is not None

    async def close(self) -> None:
        """Wait for nobody any more, and give the lease back."""
        self._driver.rest()
        await self._reconciler.rest()
        await self.jobs.rest()
        with contextlib.suppress(DatabaseUnavailable, TimeoutError):
            await asyncio.wait_for(self._lease.give_back(), _GIVE_BACK_SECONDS)


async def run_worker(settings: GatewaySettings, stop: asyncio.Event) -> None:
    """Work until told to stop.

    Raises:
        StartRefused: the database cannot be used, or addresses make no sense.
    """
    interval = max(settings.status_interval_seconds, _STATUS_SECONDS)
    rarely = settings.model_copy(update={"status_interval_seconds": interval})
    engine = await open_database(settings.effective_database_url)
    try:
        async with open_fleet(rarely) as fleet:
            worker = Worker(engine, fleet, settings)
            try:
                async with worker.jobs.running():
                    await _tick_until(stop, worker)
            finally:
                await worker.close()
    finally:
        await engine.dispose()


async def _tick_until(stop: asyncio.Event, worker: Worker) -> None:
    loop = asyncio.get_running_loop()
    while not stop.is_set():
        due = loop.time() + _TICK_SECONDS
        await worker.tick()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), max(0.0, due - loop.time()))
