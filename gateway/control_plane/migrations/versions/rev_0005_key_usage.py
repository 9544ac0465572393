"""What keys asked for, by day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Nothing was counted before."""
    counts = ("requests", "items", "body_bytes", "refused")
    op.create_table(
        "key_usage",
        sa.Column("key_id", sa.String(16), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in counts),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
    )
