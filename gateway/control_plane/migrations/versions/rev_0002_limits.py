"""Tenants, limits, expiry and rotation; the counter of changes; which keys a first start made."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TEXTS: Final = {"tenant": 64, "priority": 20, "old_digest": 64, "file_mark": 64}
_NUMBERS: Final = ("requests_per_minute", "bytes_per_minute", "max_concurrency")
_MOMENTS: Final = ("expires_at", "old_until")
# Version 0.1 did not mark what its first start made: the oldest live key of that name and scope.
_MARK: Final = """
    UPDATE api_keys SET file_mark = '{name}@version-0.1' WHERE id IN (
        SELECT id FROM api_keys WHERE name = '{name}' AND scopes = '{scope}' AND revoked_at IS NULL
        ORDER BY created_at LIMIT 1)
"""


def upgrade() -> None:
    """Keys that exist keep all that they may: no limit, no expiry, a tenant each."""
    with op.batch_alter_table("api_keys") as table:
        for name, length in _TEXTS.items():
            table.add_column(sa.Column(name, sa.String(length), nullable=True))
        for name in _NUMBERS:
            table.add_column(sa.Column(name, sa.BigInteger(), nullable=True))
        for name in _MOMENTS:
            table.add_column(sa.Column(name, sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("allowed", sa.Text(), nullable=True))
    op.execute("UPDATE api_keys SET tenant = id, priority = 'interactive'")
    for name, scope in (("admin", "admin"), ("ui", "predict")):
        op.execute(_MARK.format(name=name, scope=scope))
    with op.batch_alter_table("api_keys") as table:
        table.alter_column("tenant", existing_type=sa.String(64), nullable=False)
        table.alter_column("priority", existing_type=sa.String(20), nullable=False)
    made = op.create_table(
        "key_revision",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("hash_check", sa.String(64), nullable=True),
    )
    op.bulk_insert(made, [{"id": 1, "revision": 1}])
