"""What administers routes and releases; no prediction waits for it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.control_plane.audit import AuditTrail
from gateway.control_plane.experiments.gallery import Gallery
from gateway.control_plane.experiments.totals_store import TotalsStore
from gateway.control_plane.releases.release_orders import ReleaseOrders
from gateway.control_plane.rollouts.rollout_orders import RolloutOrders
from gateway.control_plane.rollouts.rollout_store import RolloutStore
from gateway.control_plane.routing.route_store import RouteStore
from gateway.data_plane.servers.fleet import Fleet


@dataclass(frozen=True)
class ControlPlane:
    """Its parts."""

    routes: RouteStore
    releases: ReleaseOrders
    audit: AuditTrail
    totals: TotalsStore
    gallery: Gallery
    rollouts: RolloutStore
    rollout_orders: RolloutOrders

    @classmethod
    async def opened(cls, engine: AsyncEngine, fleet: Fleet, *, items_kept: int) -> ControlPlane:
        """Put them together around one database, and know its routes.

        Args:
            engine: The database.
            fleet: The servers.
            items_kept: Of how many disagreements per alias the items' bytes stay.

        Raises:
            DatabaseUnavailable: it cannot be read now.
        """
        routes = RouteStore(engine, before_use=fleet.hear_of)
        await routes.refresh()
        rollouts = RolloutStore(engine)
        return cls(
            routes=routes,
            releases=ReleaseOrders(engine, fleet, routes),
            audit=AuditTrail(engine),
            totals=TotalsStore(engine),
            gallery=Gallery(engine, items_kept=items_kept),
            rollouts=rollouts,
            rollout_orders=RolloutOrders(rollouts, routes),
        )
