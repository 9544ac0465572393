"""Who did what when and why: written in the transaction of what was done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from gateway.control_plane.key_rows import utc
from gateway.control_plane.tables import AuditRow
from gateway.control_plane.transactions import translated


@dataclass(frozen=True)
class Actor:
    """Who did it."""

    key_id: str
    """Of the API key; empty where the gateway did it by itself."""
    name: str


TRIPTYCH: Final = Actor("", "triptych")


@dataclass(frozen=True)
class Deed:
    """What somebody does, and why."""

    actor: Actor
    action: str
    subject: str
    """The alias, the release, the rollout."""
    reason: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AuditEntry:
    """A deed that was done."""

    id: int
    at: datetime
    deed: Deed


async def write_audit(session: AsyncSession, deed: Deed) -> int:
    """Note a deed in the transaction that does it, and give the entry's id."""
    row = AuditRow(
        at=datetime.now(UTC),
        actor_id=deed.actor.key_id,
        actor_name=deed.actor.name,
        action=deed.action,
        subject=deed.subject,
        reason=deed.reason,
        detail=json.dumps(deed.detail),
    )
    session.add(row)
    await session.flush()
    return row.id


def entry_of(row: AuditRow) -> AuditEntry:
    """Read a row."""
    actor = Actor(row.actor_id, row.actor_name)
    deed = Deed(actor, row.action, row.subject, row.reason, json.loads(row.detail))
    at = utc(row.at)
    assert at is not None  # noqa: S101 - the column is NOT NULL
    return AuditEntry(row.id, at, deed)


class AuditTrail:
    """Reads what was done.

    Args:
        engine: The control plane's database.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)

    async def latest(
        self, limit: int, *, subject: str | None = None, before: int | None = None
    ) -> list[AuditEntry]:
        """The newest entries first.

        Args:
            limit: How many at most.
            subject: Only of this alias, release or rollout.
            before: Only those with a smaller id, for the next page.

        Raises:
            DatabaseUnavailable: it cannot be read now.
        """
        wanted = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
        if subject is not None:
            wanted = wanted.where(AuditRow.subject == subject)
        if before is not None:
            wanted = wanted.where(AuditRow.id < before)
        with translated():
            async with self._sessions() as session:
                return [entry_of(row) for row in await session.scalars(wanted)]
