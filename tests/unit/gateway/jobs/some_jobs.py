"""Jobs to test with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from gateway.control_plane.api_key import ApiKey, Scope
from gateway.jobs.job import Chunk, Job, JobTerms
from gateway.jobs.job_store import JobStore, NewJob
from python_backends.shared.contract import Task


def key(key_id: str = "0a0a", *scopes: Scope, tenant: str = "") -> ApiKey:
    """A key that may predict."""
    return ApiKey(
        id=key_id,
        name=key_id,
        tenant=tenant or key_id,
        scopes=frozenset(scopes or (Scope.PREDICT,)),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


KEY: Final = key()


def wanted(
    terms: JobTerms | None = None, *, owner: ApiKey = KEY, idempotency_key: str | None = None
) -> NewJob:
    """A job of pictures of digits."""
    return NewJob(
        key=owner,
        name="digits",
        task=Task.IMAGE_CLASSIFICATION,
        terms=terms or JobTerms(),
        idempotency_key=idempotency_key,
        request_digest="d1",
    )


async def begun(
    jobs: JobStore, *sizes: int, terms: JobTerms | None = None, owner: ApiKey = KEY
) -> Job:
    """A job whose chunks of these sizes are all here."""
    job = await jobs.begin(wanted(terms, owner=owner))
    first = 0
    for number, items in enumerate(sizes):
        assert await jobs.add_chunk(Chunk(job.id, number, first, items), 100)
        first += items
    return await jobs.close(job.id)
