"""/v1/admin/audit: who did what when and why."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from gateway.control_plane.api_key import Scope
from gateway.control_plane.audit import AuditEntry
from gateway.control_plane.routing.route_schemas import AuditDescription, AuditList
from gateway.dependencies import Control, require
from gateway.openapi_errors import refusals

router = APIRouter(
    prefix="/v1/admin/audit",
    tags=["routes"],
    dependencies=[Depends(require(Scope.ADMIN))],
    responses=refusals(
        400, 401, 403, 503, unusual={403: "scope_missing", 503: "database_unavailable"}
    ),
)


@router.get("", summary="Who did what when and why, newest first")
async def list_audit(
    control: Control,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    subject: Annotated[str | None, Query(max_length=80, examples=["digits"])] = None,
    before: Annotated[
        int | None, Query(ge=1, le=2**31 - 1, description="An id; for the next page.")
    ] = None,
) -> AuditList:
    """Changes of routes, loads and unloads, rollouts."""
    entries = await control.audit.latest(limit, subject=subject, before=before)
    return AuditList(entries=[_description(it) for it in entries])


def _description(entry: AuditEntry) -> AuditDescription:
    deed = entry.deed
    return AuditDescription(
        id=entry.id,
        at=entry.at,
        by=deed.actor.name,
        key_id=deed.actor.key_id,
        action=deed.action,
        subject=deed.subject,
        reason=deed.reason,
        detail=dict(deed.detail),
    )
