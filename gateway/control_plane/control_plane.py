"""What administers routes and releases; no prediction waits for it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.control_plane.audit import AuditTrail
from gateway.control_plane.releases.release_orders import ReleaseOrders
from gateway.control_plane.routing.route_store import RouteStore
from gateway.data_plane.servers.fleet import Fleet


@dataclass(frozen=True)
class ControlPlane:
    """Its parts."""

    routes: RouteStore
    releases: ReleaseOrders
    audit: AuditTrail

    @classmethod
    async def opened(cls, engine: AsyncEngine, fleet: Fleet) -> ControlPlane:
        """Put them together around one database, and know its routes.

        Raises:
            DatabaseUnavailable: it cannot be read now.
        """
        routes = RouteStore(engine)
        await routes.refresh()
        return cls(routes, ReleaseOrders(engine, fleet, routes), AuditTrail(engine))
