"""What arms and mirrored pairs did, rollouts, and who drives them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Nothing was counted before, and no rollout was begun."""
    for name in ("arm_totals", "pair_totals"):
        op.create_table(
            name,
            sa.Column("alias", sa.String(63), primary_key=True),
            sa.Column("revision", sa.BigInteger(), primary_key=True),
            sa.Column("release", sa.String(80), primary_key=True),
            sa.Column("reporter", sa.String(16), primary_key=True),
            sa.Column("totals", sa.Text(), nullable=False),
            sa.Column("at", sa.DateTime(timezone=True), nullable=False, index=True),
        )
    op.create_table(
        "disagreements",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("alias", sa.String(63), nullable=False, index=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.Column("request_id", sa.String(32), nullable=False),
        sa.Column("serving", sa.Text(), nullable=False),
        sa.Column("shadow", sa.Text(), nullable=False),
        sa.Column("item", sa.LargeBinary(), nullable=True),
    )
    _create_rollouts()
    op.create_table(
        "leases",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("holder", sa.String(32), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
    )


def _create_rollouts() -> None:
    op.create_table(
        "rollouts",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("alias", sa.String(63), nullable=False, index=True),
        sa.Column("stable", sa.String(80), nullable=False),
        sa.Column("candidate", sa.String(80), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("elapsed_seconds", sa.Double(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("audit_id", sa.Integer(), sa.ForeignKey("audit.id"), nullable=False),
    )
    op.create_table(
        "rollout_steps",
        sa.Column("rollout_id", sa.String(16), primary_key=True),
        sa.Column("step", sa.Integer(), primary_key=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("thresholds", sa.Text(), nullable=True),
    )
    op.create_table(
        "rollout_decisions",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("rollout_id", sa.String(16), nullable=False, index=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
    )
