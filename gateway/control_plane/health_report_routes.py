"""/v1/admin/health: every part behind this gateway, and what was put right."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from gateway.control_plane.api_key import Scope
from gateway.dependencies import Parts, require
from gateway.monitoring.parts_health import Healed, PartHealth
from gateway.openapi_errors import refusals

router = APIRouter(
    prefix="/v1/admin/health",
    tags=["monitoring"],
    dependencies=[Depends(require(Scope.ADMIN))],
)


class HealthReport(BaseModel):
    """How all is."""

    parts: list[PartHealth]
    heals: list[Healed]
    """The last fifty of each supervisor, the newest first."""


@router.get(
    "",
    responses=refusals(401, 403, unusual={403: "scope_missing"}),
    summary="State of each part, and what was healed",
)
async def show_health(parts: Parts) -> HealthReport:
    """Tell of gateway, database, Redis where there is one, each Triton, each release on it."""
    return HealthReport(parts=await parts.look(), heals=parts.heals())
