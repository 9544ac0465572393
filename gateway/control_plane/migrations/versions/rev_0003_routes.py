"""Routes and what they were, wishes about releases, and who did what when and why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Nobody has set a route yet: every alias goes on meaning its first release."""
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.Column("actor_id", sa.String(16), nullable=False),
        sa.Column("actor_name", sa.String(100), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(80), nullable=False, index=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
    )
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("value", sa.BigInteger(), nullable=False),
    )
    op.bulk_insert(counters, [{"name": "routes", "value": 1}])
    op.create_table(
        "release_wishes",
        sa.Column("release", sa.String(80), primary_key=True),
        sa.Column("is_wanted", sa.Boolean(), nullable=False),
        sa.Column("audit_id", sa.Integer(), sa.ForeignKey("audit.id"), nullable=False),
    )
    op.create_table(
        "routes",
        sa.Column("alias", sa.String(63), primary_key=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
    )
    op.create_table(
        "route_changes",
        sa.Column("alias", sa.String(63), primary_key=True),
        sa.Column("revision", sa.BigInteger(), primary_key=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("undo_to", sa.BigInteger(), nullable=True),
        sa.Column("rollout_id", sa.String(16), nullable=True),
        sa.Column("audit_id", sa.Integer(), sa.ForeignKey("audit.id"), nullable=False),
    )
