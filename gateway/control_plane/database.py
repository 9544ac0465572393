"""Tables of the control plane and the way to them. No request on the data plane comes here."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DateTime, String
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Table(DeclarativeBase):
    """What all tables share."""


class ApiKeyRow(Table):
    """One API key; the key itself is stored nowhere."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    """HMAC-SHA-256 of the key under the hash secret, in hex."""
    scopes: Mapped[str] = mapped_column(String(200))
    """Space-separated."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


async def open_database(url: str) -> AsyncEngine:
    """Connect, and make the tables that are not there."""
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(Table.metadata.create_all)
    return engine
