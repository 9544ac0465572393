"""Between a key and its row."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.control_plane.api_key import ApiKey, KeyTerms, Priority, Scope
from gateway.control_plane.tables import ApiKeyRow


def utc(moment: datetime | None) -> datetime | None:
    """A moment as the database gave it; SQLite keeps no time zone, and what is stored is UTC."""
    return moment and (moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC))


def key_of(row: ApiKeyRow) -> ApiKey:
    """Read a row."""
    created_at = utc(row.created_at)
    assert created_at is not None  # noqa: S101 - the column is NOT NULL
    return ApiKey(
        id=row.id,
        name=row.name,
        tenant=row.tenant,
        # What only a newer gateway knows opens nothing here, and harms no other key.
        scopes=frozenset(scope for scope in Scope if scope in row.scopes.split()),
        allowed=None if row.allowed is None else frozenset(row.allowed.split()),
        priority=Priority.INTERACTIVE if row.priority == "interactive" else Priority.BATCH,
        expires_at=utc(row.expires_at),
        requests_per_minute=row.requests_per_minute,
        bytes_per_minute=row.bytes_per_minute,
        max_concurrency=row.max_concurrency,
        created_at=created_at,
        revoked_at=utc(row.revoked_at),
        file_mark=row.file_mark,
    )


def write_terms(row: ApiKeyRow, terms: KeyTerms) -> None:
    """Write what somebody decided into a row."""
    row.name = terms.name
    row.scopes = " ".join(sorted(terms.scopes))
    row.allowed = None if terms.allowed is None else " ".join(sorted(terms.allowed))
    row.priority = terms.priority.value
    row.expires_at = terms.expires_at
    row.requests_per_minute = terms.requests_per_minute
    row.bytes_per_minute = terms.bytes_per_minute
    row.max_concurrency = terms.max_concurrency
