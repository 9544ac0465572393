"""The store of API keys: the table is the record, memory answers requests."""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from gateway.control_plane.api_key import ApiKey, KeyTerms, Scope
from gateway.control_plane.database_writes import DatabaseWrites
from gateway.control_plane.key_rows import key_of, write_terms
from gateway.control_plane.known_keys import KnownKeys
from gateway.control_plane.shared_look import SharedLook
from gateway.control_plane.tables import ApiKeyRow, KeyRevisionRow
from gateway.control_plane.transactions import in_turns, translated
from gateway.control_plane.watched_table import WatchedTable
from gateway.errors import (
    LastAdminKey,
    StartRefused,
    UnknownApiKey,
    UnknownKey,
)

logger = logging.getLogger(__name__)

# Makes a leaked key recognisable, to a person and to secret scanners.
_KEY_PREFIX: Final = "tri_"
# For keys that nobody knows: twenty looks a second at most, and a second for one who presents one.
_LOOK_PAUSE_SECONDS: Final = 0.05
_LOOK_PATIENCE_SECONDS: Final = 1.0
# Its digest stands in the table, and tells under which hash secret the others there were made.
_WHICH: Final = "which hash secret is it?"
_LIVING: Final = update(ApiKeyRow).where(ApiKeyRow.revoked_at.is_(None))


def _utc_now() -> datetime:
    return datetime.now(UTC)


class KeyStore:
    """Creates, changes, rotates, revokes and recognises keys.

    Args:
        engine: The control plane's database.
        hash_secret: Keys the stored hashes, so that a stolen table opens nothing.
        clock: The time in UTC.
    """

    def __init__(
        self, engine: AsyncEngine, hash_secret: str, clock: Callable[[], datetime] = _utc_now
    ) -> None:
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self._clock = clock
        self._known = KnownKeys(hash_secret, clock)
        self._table = WatchedTable(
            self._sessions,
            select(KeyRevisionRow.revision),
            self._read,
            "keys",
            DatabaseWrites(engine.url),
        )
        self._look = SharedLook(
            self.poll,
            pause_seconds=_LOOK_PAUSE_SECONDS,
            patience_seconds=_LOOK_PATIENCE_SECONDS,
        )

    async def recognise(self, presented: str) -> ApiKey:
        """Say whose key this is, from memory; only a key that is not known is looked for.

        So a new key is good at once on every gateway, not only on the one that made it.

        Raises:
            UnknownApiKey: nobody's, or revoked, or rotated out.
            ExpiredApiKey: its time is over.
        """
        try:
            return self._known.recognise(presented)
        except UnknownApiKey:
            await self._look.wait()
            return self._known.recognise(presented)

    def holds(self, file_mark: str) -> bool:
        """Whether the key with that mark is good for anything, as far as is known here."""
        return self._known.holds(file_mark)

    async def refresh(self) -> None:
        """Read the whole table again."""
        await self._table.refresh()

    async def poll(self) -> None:
        """Read the table again if some gateway changed it; trouble is logged, never raised."""
        await self._table.poll()

    async def _read(self, session: AsyncSession) -> None:
        rows = (await session.scalars(select(ApiKeyRow))).all()
        self._known.replace(row for row in rows if row.revoked_at is None)

    async def create(
        self,
        terms: KeyTerms,
        *,
        tenant: str | None = None,
        file_mark: str | None = None,
        replaces: Sequence[str] = (),
    ) -> tuple[ApiKey, str]:
        """Make a key; the second value is the key itself, which can be had only now.

        Args:
            terms: What it may do.
            tenant: Whom it belongs to; itself, where nobody is named.
            file_mark: Tells the file that will hold it.
            replaces: Live keys with these marks are revoked in the same moment.
        """
        key_id, secret = secrets.token_hex(6), _new_secret()
        row = ApiKeyRow(
            id=key_id,
            tenant=tenant or key_id,
            digest=self._known.digest(secret),
            created_at=self._clock(),
            file_mark=file_mark,
        )
        write_terms(row, terms)
        replaced = _LIVING.where(ApiKeyRow.file_mark.in_(replaces))
        async with self._changing() as session:
            await session.execute(replaced.values(revoked_at=row.created_at))
            session.add(row)
        return key_of(row), secret

    async def list_all(self) -> list[ApiKey]:
        """Every key, revoked ones too, oldest first.

        Raises:
            DatabaseUnavailable: the table cannot be read now.
        """
        with translated():
            async with self._sessions() as session:
                order = (ApiKeyRow.created_at, ApiKeyRow.id)
                rows = await session.scalars(select(ApiKeyRow).order_by(*order))
                return [key_of(row) async for row in in_turns(rows)]

    async def change(self, key_id: str, revise: Callable[[KeyTerms], KeyTerms]) -> ApiKey:
        """Give a live key other terms.

        Raises:
            UnknownKey: no live key has that id.
            LastAdminKey: the last key that may administer would come to an end.
        """
        async with self._changing() as session:
            row = await self._live(session, key_id)
            before = key_of(row)
            terms = revise(before)
            if terms.expires_at is not None and terms.expires_at != before.expires_at:
                await self._check_not_last_admin(session, before)
            write_terms(row, terms)
        return key_of(row)

    async def rotate(self, key_id: str, grace_seconds: float) -> tuple[ApiKey, str]:
        """Give a live key a new secret; the old one is good for the time of grace.

        Raises:
            UnknownKey: no live key has that id.
        """
        secret = _new_secret()
        async with self._changing() as session:
            row = await self._live(session, key_id)
            until = self._clock() + timedelta(seconds=grace_seconds)
            row.old_digest, row.old_until = (row.digest, until) if grace_seconds else (None, None)
            row.digest = self._known.digest(secret)
        return key_of(row), secret

    async def revoke(self, key_id: str) -> None:
        """End a key at once in this process, and within one poll in every other.

        Raises:
            UnknownKey: no live key has that id.
            LastAdminKey: nobody could administer keys any more.
        """
        async with self._changing() as session:
            row = await self._live(session, key_id)
            await self._check_not_last_admin(session, key_of(row))
            row.revoked_at = self._clock()

    async def agree_on_secret(self, *, is_own_database: bool) -> None:
        """See that the digests in the table were made under our hash secret.

        Args:
            is_own_database: Nobody else uses it; then a lost secret ends all keys that there were.

        Raises:
            StartRefused: other gateways use another secret on this database.
        """
        mine = self._known.digest(_WHICH)
        async with self._changing() as session:
            counter = (await session.scalars(select(KeyRevisionRow))).one()
            if counter.hash_check not in {None, mine}:
                if not is_own_database:
                    raise StartRefused(
                        "key-hash.secret is not the one under which this database's keys were"
                        " stored; copy that file from a gateway which uses this database"
                    )
                logger.warning("key-hash.secret is new: every key made before is revoked")
                await session.execute(_LIVING.values(revoked_at=self._clock()))
            counter.hash_check = mine

    async def is_under_our_secret(self) -> bool:
        """Whether nobody has stored keys here under another hash secret; changes nothing.

        Raises:
            DatabaseUnavailable: the table cannot be read now.
        """
        with translated():
            async with self._sessions() as session:
                theirs = await session.scalar(select(KeyRevisionRow.hash_check))
        return theirs in {None, self._known.digest(_WHICH)}

    @contextlib.asynccontextmanager
    async def _changing(self) -> AsyncIterator[AsyncSession]:
        count_up = update(KeyRevisionRow).values(revision=KeyRevisionRow.revision + 1)
        with translated():
            async with self._sessions.begin() as session:
                # First, because it is also the lock: two changes at once would each see a world
                # without the other, and together end the last admin key.
                await session.execute(count_up)
                yield session
        # What is committed is done: trouble with reading it back is not the caller's.
        await self.poll()

    async def _live(self, session: AsyncSession, key_id: str) -> ApiKeyRow:
        wanted = select(ApiKeyRow).where(ApiKeyRow.id == key_id, ApiKeyRow.revoked_at.is_(None))
        row = (await session.scalars(wanted)).one_or_none()
        if row is None:
            raise UnknownKey(f"there is no live key {key_id!r}")
        return row

    async def _check_not_last_admin(self, session: AsyncSession, key: ApiKey) -> None:
        now = self._clock()
        if Scope.ADMIN not in key.scopes or key.has_expired(now):
            return
        wanted = select(ApiKeyRow).where(ApiKeyRow.id != key.id, ApiKeyRow.revoked_at.is_(None))
        others = [key_of(row) for row in await session.scalars(wanted)]
        if not any(Scope.ADMIN in it.scopes and not it.has_expired(now) for it in others):
            raise LastAdminKey("this is the last live key with the scope admin; make another first")


def _new_secret() -> str:
    return _KEY_PREFIX + secrets.token_urlsafe(32)
