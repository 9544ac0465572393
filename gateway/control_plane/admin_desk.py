"""What every administrative request needs: who asks, the body, and whom to tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from gateway.control_plane.admin_body import Body, read_json
from gateway.control_plane.api_key import ApiKey, Scope
from gateway.control_plane.audit import Actor, Deed
from gateway.control_plane.releases.release_orders import ReleaseOrders
from gateway.control_plane.routing.route_store import RouteStore
from gateway.data_plane.routing.route_book import RouteBook
from gateway.data_plane.servers.fleet import Fleet
from gateway.dependencies import require, services_of


@dataclass(frozen=True)
class AdminDesk:
    """One request of somebody who may administer."""

    request: Request
    key: ApiKey

    async def read(self, model: type[Body], *, empty: bytes = b"") -> Body:
        """Read the body; `empty` is what an empty one means.

        Raises:
            UnsupportedMediaType: it says that it is something else than JSON.
            RequestValidationError: it is no JSON, or not of that form.
        """
        patience = services_of(self.request).settings.body_patience
        return await read_json(self.request, model, patience, empty=empty)

    def deed(self, action: str, subject: str, reason: str = "", **detail: object) -> Deed:
        """What the caller does, for the record."""
        return Deed(Actor(self.key.id, self.key.name), action, subject, reason, detail)

    @property
    def fleet(self) -> Fleet:
        """Every Triton."""
        return services_of(self.request).fleet

    @property
    def book(self) -> RouteBook:
        """What names mean now."""
        return services_of(self.request).routes

    @property
    def routes(self) -> RouteStore:
        """The record of routes."""
        return services_of(self.request).control.routes

    @property
    def releases(self) -> ReleaseOrders:
        """What is wanted in memory."""
        return services_of(self.request).control.releases


async def _desk(
    request: Request, key: Annotated[ApiKey, Depends(require(Scope.ADMIN))]
) -> AdminDesk:
    return AdminDesk(request, key)


Desk = Annotated[AdminDesk, Depends(_desk)]
