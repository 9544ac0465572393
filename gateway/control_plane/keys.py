"""API keys: who a caller is and what they may. The table is the record, memory answers requests."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker

from gateway.control_plane.database import ApiKeyRow
from gateway.errors import UnknownApiKey, UnknownKey

# Makes a leaked key recognisable, to a person and to secret scanners.
_KEY_PREFIX: Final = "tri_"


class Scope(StrEnum):
    """What a key may do."""

    PREDICT = "predict"
    METRICS = "metrics"
    ADMIN = "admin"  # everything, keys included


@dataclass(frozen=True)
class ApiKey:
    """One key as anybody but its owner may see it."""

    id: str
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    revoked_at: datetime | None

    def may(self, scope: Scope) -> bool:
        """Whether this key is good for that."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


class KeyStore:
    """Creates, revokes and recognises keys.

    Args:
        engine: The control plane's database.
        hash_secret: Keys the stored hashes, so that a stolen table opens nothing.
    """

    def __init__(self, engine: AsyncEngine, hash_secret: str) -> None:
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self._hash_secret = hash_secret.encode()
        self._live: dict[str, ApiKey] = {}
        # One reader at a time: an older look at the table must not overwrite a newer one.
        self._reading = asyncio.Lock()

    async def refresh(self) -> None:
        """Read the table again; another process may have changed it."""
        async with self._reading, self._sessions() as session:
            rows = (await session.scalars(select(ApiKeyRow))).all()
            self._live = {row.digest: _to_key(row) for row in rows if row.revoked_at is None}

    def recognise(self, presented: str) -> ApiKey:
        """Say whose key this is, from memory.

        The lookup goes by keyed hash, so its timing tells nothing about a key that is not known.

        Raises:
            UnknownApiKey: nobody's, or revoked.
        """
        key = self._live.get(self._digest(presented))
        if key is None:
            raise UnknownApiKey("this API key is not known or was revoked")
        return key

    async def create(self, name: str, scopes: frozenset[Scope]) -> tuple[ApiKey, str]:
        """Make a key; the second value is the key itself, which can be had only now."""
        secret = _KEY_PREFIX + secrets.token_urlsafe(32)
        row = ApiKeyRow(
            id=secrets.token_hex(6),
            name=name,
            digest=self._digest(secret),
            scopes=" ".join(sorted(scopes)),
            created_at=datetime.now(UTC),
        )
        async with self._sessions.begin() as session:
            session.add(row)
        await self.refresh()
        return _to_key(row), secret

    async def list_all(self) -> list[ApiKey]:
        """Every key, revoked ones too, oldest first."""
        async with self._sessions() as session:
            rows = await session.scalars(select(ApiKeyRow).order_by(ApiKeyRow.created_at))
            return [_to_key(row) for row in rows]

    async def revoke(self, key_id: str) -> None:
        """End a key at once in this process, and within one refresh in every other.

        Raises:
            UnknownKey: no live key has that id.
        """
        statement = (
            update(ApiKeyRow)
            .where(ApiKeyRow.id == key_id, ApiKeyRow.revoked_at.is_(None))
            .values(revoked_at=datetime.now(UTC))
            .returning(ApiKeyRow.id)
        )
        async with self._sessions.begin() as session:
            revoked = (await session.scalars(statement)).all()
        if not revoked:
            raise UnknownKey(f"there is no live key {key_id!r}")
        await self.refresh()

    def _digest(self, presented: str) -> str:
        return hmac.new(self._hash_secret, presented.encode(), hashlib.sha256).hexdigest()


def _to_key(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        scopes=frozenset(Scope(scope) for scope in row.scopes.split()),
        created_at=row.created_at.replace(tzinfo=UTC),
        revoked_at=row.revoked_at and row.revoked_at.replace(tzinfo=UTC),
    )
