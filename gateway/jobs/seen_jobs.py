"""Which jobs a key may see: those of its tenant; with the scope admin, all."""

from __future__ import annotations

import re
from typing import Final

from gateway.control_plane.api_key import ApiKey, Scope
from gateway.jobs.job import Job
from gateway.jobs.job_errors import UnknownJob
from gateway.jobs.job_store import JobStore

_ID: Final = re.compile("[0-9a-f]{16}")


def seen_tenant(key: ApiKey) -> str | None:
    """Whose jobs a key sees; None: everybody's."""
    return None if key.may(Scope.ADMIN) else key.tenant


async def seen_job(jobs: JobStore, key: ApiKey, job_id: str) -> Job:
    """Find a job, as far as this key is concerned.

    Raises:
        UnknownJob: there is none, or it is another tenant's, which is not told apart.
        DatabaseUnavailable: the database does not answer.
    """
    if not _ID.fullmatch(job_id):  # PostgreSQL takes no NUL, and would say so in another way
        raise UnknownJob(f"there is no job {job_id[:32]!r}")
    return await jobs.get(job_id, seen_tenant(key))
