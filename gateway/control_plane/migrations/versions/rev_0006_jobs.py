"""Jobs: what was asked, in chunks, what was answered, and who is told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_OPEN = sa.text("done_at IS NULL")


def _moment(name: str, *, nullable: bool = False, index: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, index=index)


def _job() -> sa.Column[str]:
    points = sa.ForeignKey("jobs.id")
    return sa.Column("job_id", sa.String(16), points, primary_key=True)


def upgrade() -> None:
    """There was none before."""
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False, index=True),
        sa.Column("idempotency_key", sa.String(255)),
        sa.Column("request_digest", sa.String(64), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("task", sa.String(40), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False, index=True),
        sa.Column("sentence", sa.Text(), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("items", "done", "refused", "payload_bytes", "result_bytes")
        ),
        sa.Column("is_whole", sa.Boolean(), nullable=False),
        sa.Column("has_payload", sa.Boolean(), nullable=False),
        _moment("created_at"),
        _moment("started_at", nullable=True),
        _moment("ended_at", nullable=True, index=True),
        _moment("changed_at"),
        _moment("served_at"),
        sa.UniqueConstraint("key_id", "idempotency_key", name="uq_jobs_key_idempotency"),
    )
    _create_what_belongs_to_jobs()


def _create_what_belongs_to_jobs() -> None:
    op.create_table(
        "job_chunks",
        _job(),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(32), nullable=False),
        _moment("free_at"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _moment("done_at", nullable=True),
    )
    columns = ["job_id", "number"]
    op.create_index(
        "ix_job_chunks_open", "job_chunks", columns, sqlite_where=_OPEN, postgresql_where=_OPEN
    )
    op.create_table(
        "job_results",
        _job(),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("lines", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "job_notices",
        _job(),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _moment("next_at", nullable=True, index=True),
        _moment("delivered_at", nullable=True),
        sa.Column("trouble", sa.Text(), nullable=False),
    )
