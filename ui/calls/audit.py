"""GET /v1/admin/audit: who did what when and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from ui.calls.gateway_http import Caller, QueryValue
from ui.calls.readiness import as_moment


class EntryBody(TypedDict):
    """Something that somebody did."""

    id: int
    at: str
    by: str
    key_id: str
    action: str
    subject: str
    reason: str
    detail: dict[str, object]


class AuditBody(TypedDict):
    """GET /v1/admin/audit."""

    entries: list[EntryBody]


@dataclass(frozen=True)
class AuditEntry:
    """Something that was done.

    Attributes:
        by: Name of the API key.
        is_by_itself: Nobody asked for it then: the gateway went on with what it had been told.
        action: As the gateway names it: `route.set`.
        subject: The alias, the release.
        detail: Depends on the action.
    """

    id: int
    at: datetime
    by: str
    is_by_itself: bool
    action: str
    subject: str
    reason: str
    detail: Mapping[str, object]


def list_audit(
    caller: Caller, *, limit: int, subject: str | None = None, before: int | None = None
) -> tuple[AuditEntry, ...]:
    """What was done, newest first.

    Args:
        caller: Whom to ask.
        limit: How many at most.
        subject: Only of this alias or release.
        before: Only smaller ids, for the next page.

    Raises:
        GatewayProblem: In one of its forms, when there is no answer.
    """
    query: dict[str, QueryValue] = {"limit": limit}
    if subject is not None:
        query["subject"] = subject
    if before is not None:
        query["before"] = before
    return caller.look("/v1/admin/audit", decode_audit, query=query, is_quick=False)


def decode_audit(body: AuditBody) -> tuple[AuditEntry, ...]:
    """Decode GET /v1/admin/audit."""
    return tuple(
        AuditEntry(
            id=int(it["id"]),
            at=as_moment(it["at"]),
            by=str(it["by"]),
            is_by_itself=it["key_id"] == "",
            action=str(it["action"]),
            subject=str(it["subject"]),
            reason=str(it["reason"]),
            detail=dict(it["detail"]),
        )
        for it in body["entries"]
    )
