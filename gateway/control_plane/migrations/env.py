"""What alembic runs around migrations; `migrate.py` hands it the connection."""

from __future__ import annotations

from alembic import context

from gateway.control_plane.tables import Table
from gateway.jobs import job_tables  # noqa: F401 - its tables belong to the metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    # SQLite can be altered only by copying; that its tables change whole or not at all is ours:
    # database.py begins transactions itself.
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
