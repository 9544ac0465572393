"""Tables of jobs. The record of what was asked and answered is here, and nowhere else."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from gateway.control_plane.tables import Table


class JobRow(Table):
    """One job; see gateway/jobs/job.py."""

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("key_id", "idempotency_key", name="uq_jobs_key_idempotency"),
    )

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(16))
    tenant: Mapped[str] = mapped_column(String(64), index=True)
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    """What the caller calls the request; NULL again when it failed before it was whole."""
    request_digest: Mapped[str] = mapped_column(String(64))
    """Of what was asked besides the items, to tell another request under the same key."""
    name: Mapped[str] = mapped_column(String(80))
    task: Mapped[str] = mapped_column(String(40))
    terms: Mapped[str] = mapped_column(Text)
    """JSON of JobTerms."""
    state: Mapped[str] = mapped_column(String(20), index=True)
    sentence: Mapped[str] = mapped_column(Text)
    items: Mapped[int] = mapped_column(BigInteger)
    is_whole: Mapped[bool]
    done: Mapped[int] = mapped_column(BigInteger)
    refused: Mapped[int] = mapped_column(BigInteger)
    payload_bytes: Mapped[int] = mapped_column(BigInteger)
    has_payload: Mapped[bool]
    """Whether anything of it may still lie in the storage."""
    result_bytes: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), index=True)
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """It moves while items come in, and with each chunk that is answered."""
    served_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When a chunk of it was last taken: whose turn is longest ago is next."""


# By these a worker finds what is to be done without looking at what is done.
_OPEN: Final = text("done_at IS NULL")


class JobChunkRow(Table):
    """Some items of a job, in a row, and who works on them."""

    __tablename__ = "job_chunks"
    __table_args__ = (
        Index("ix_job_chunks_open", "job_id", "number", sqlite_where=_OPEN, postgresql_where=_OPEN),
    )

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    first: Mapped[int] = mapped_column(BigInteger)
    items: Mapped[int]
    holder: Mapped[str] = mapped_column(String(32))
    """The worker that has it; empty where none does."""
    free_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """From then on anybody may take it."""
    attempts: Mapped[int]
    done_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class JobResultRow(Table):
    """The answers of one chunk. There can be only one row of them: so an item is answered once."""

    __tablename__ = "job_results"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    lines: Mapped[bytes] = mapped_column(LargeBinary)
    """One JSON object per item, each on a line, compressed by zlib."""


class JobNoticeRow(Table):
    """Somebody who is to be told that a job has ended."""

    __tablename__ = "job_notices"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    attempts: Mapped[int]
    next_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), index=True)
    """When to try next; NULL: no more."""
    delivered_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    trouble: Mapped[str] = mapped_column(Text)
    """Of the last attempt."""
