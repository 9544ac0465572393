"""The table of keys as version 0.1 made it, and how far tables are from today's models."""

from __future__ import annotations

from typing import Final

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from gateway.control_plane.tables import Table
from gateway.jobs import job_tables  # noqa: F401 - its tables belong to the metadata

# As create_all of version 0.1 wrote it.
IN_SQLITE: Final = """
CREATE TABLE api_keys (
	id VARCHAR(16) NOT NULL,
	name VARCHAR(100) NOT NULL,
	digest VARCHAR(64) NOT NULL,
	scopes VARCHAR(200) NOT NULL,
	created_at DATETIME NOT NULL,
	revoked_at DATETIME,
	PRIMARY KEY (id),
	UNIQUE (digest)
)
"""
IN_POSTGRESQL: Final = IN_SQLITE.replace("DATETIME", "TIMESTAMP WITH TIME ZONE")
# id, name, digest, scopes, created_at, revoked_at
ROWS: Final = [
    ("000000000001", "admin", "d1", "admin", "2026-01-01 00:00:00.000000", "2026-01-02 00:00:00"),
    ("000000000002", "admin", "d2", "admin", "2026-01-02 00:00:00.000000", None),
    ("000000000003", "ui", "d3", "predict", "2026-01-03 00:00:00.000000", None),
    ("000000000004", "app", "d4", "metrics predict", "2026-01-04 00:00:00.000000", None),
]


def differences(connection: Connection) -> list[object]:
    """What autogenerate would still change."""
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, Table.metadata))
