"""The record of items on which a shadow disagreed: a few of the newest, and none for long."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import defer

from gateway.control_plane.key_rows import utc
from gateway.control_plane.tables import DisagreementRow
from gateway.control_plane.transactions import translated
from gateway.data_plane.mirroring.disagreements import Disagreement

_MOST_KEPT: Final = 200
"""Per alias."""
_KEPT_FOR: Final = timedelta(days=7)


@dataclass(frozen=True)
class Exhibit:
    """One of them, without its bytes."""

    id: int
    revision: int
    at: datetime
    request_id: str
    serving: Mapping[str, Any]
    shadow: Mapping[str, Any]
    has_item: bool


class Gallery:
    """Writes, shows and clears them away.

    Args:
        engine: The control plane's database.
        items_kept: Of how many per alias the bytes stay.
    """

    def __init__(self, engine: AsyncEngine, *, items_kept: int) -> None:
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self._items_kept = items_kept

    async def add(self, disagreements: Sequence[Disagreement]) -> None:
        """Write some down, and clear away what is too much then.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        with translated():
            async with self._sessions.begin() as session:
                session.add_all(_row(it) for it in disagreements)
                await session.flush()
                for alias in {it.alias for it in disagreements}:
                    await self._prune(session, alias)

    async def clear_away(self) -> None:
        """Delete what is too old, or more than is to be kept now.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        too_old = DisagreementRow.at < datetime.now(UTC) - _KEPT_FOR
        with translated():
            async with self._sessions.begin() as session:
                await session.execute(delete(DisagreementRow).where(too_old))
                for alias in list(await session.scalars(select(DisagreementRow.alias).distinct())):
                    await self._prune(session, alias)

    async def _prune(self, session: AsyncSession, alias: str) -> None:
        ids = (
            select(DisagreementRow.id)
            .where(DisagreementRow.alias == alias)
            .order_by(DisagreementRow.id.desc())
            .limit(1)
        )
        of_alias = DisagreementRow.alias == alias
        newest_too_many = await session.scalar(ids.offset(_MOST_KEPT))
        if newest_too_many is not None:
            beyond = DisagreementRow.id <= newest_too_many
            await session.execute(delete(DisagreementRow).where(of_alias, beyond))
        has_item = DisagreementRow.item.is_not(None)
        newest_too_many = await session.scalar(ids.where(has_item).offset(self._items_kept))
        if newest_too_many is not None:
            beyond = DisagreementRow.id <= newest_too_many
            await session.execute(update(DisagreementRow).where(of_alias, beyond).values(item=None))

    async def newest(
        self, alias: str, release: str, revisions: Collection[int], limit: int
    ) -> list[Exhibit]:
        """What a shadow disagreed on, newest first.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        wanted = (
            select(DisagreementRow, DisagreementRow.item.is_not(None))
            .options(defer(DisagreementRow.item))
            .where(DisagreementRow.alias == alias, DisagreementRow.revision.in_(revisions))
            .order_by(DisagreementRow.id.desc())
        )
        with translated():
            async with self._sessions() as session:
                rows = await session.execute(wanted)
                found = [_exhibit(row, has_item=has_item) for row, has_item in rows]
        return [it for it in found if it.shadow["release"] == release][:limit]

    async def item(self, alias: str, identifier: int) -> bytes | None:
        """The bytes of one, if they were kept and still are.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        wanted = select(DisagreementRow.item).where(
            DisagreementRow.alias == alias, DisagreementRow.id == identifier
        )
        with translated():
            async with self._sessions() as session:
                found: bytes | None = await session.scalar(wanted)
        return found


def _row(disagreement: Disagreement) -> DisagreementRow:
    return DisagreementRow(
        alias=disagreement.alias,
        revision=disagreement.revision,
        at=disagreement.at,
        request_id=disagreement.request_id,
        serving=json.dumps(disagreement.serving, ensure_ascii=False),
        shadow=json.dumps(disagreement.shadow, ensure_ascii=False),
        item=disagreement.item,
    )


def _exhibit(row: DisagreementRow, *, has_item: bool) -> Exhibit:
    at = utc(row.at)
    assert at is not None  # noqa: S101 - the column is NOT NULL
    serving, shadow = json.loads(row.serving), json.loads(row.shadow)
    return Exhibit(row.id, row.revision, at, row.request_id, serving, shadow, has_item)
