"""/v1/jobs: which there are, how one stands, and its end before its time."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from gateway.dependencies import Jobs, PredictKey, Settings
from gateway.jobs.job_rows import utc_now
from gateway.jobs.job_schemas import JobDescription, described_job
from gateway.jobs.seen_jobs import seen_job, seen_tenant
from gateway.openapi_errors import Responses, refusals

UNUSUAL: Final[dict[int | str, str]] = {
    403: "scope_missing",
    404: "unknown_job",
    429: "key_overloaded",
    503: "database_unavailable",
}
# Said to readers, not enforced: an id of another form is as unknown as any other.
JobId = Annotated[
    str, Path(json_schema_extra={"pattern": "^[0-9a-f]{16}$"}, examples=["9f2c4e6a8b0d1357"])
]


class JobList(BaseModel):
    """Jobs, newest first, and of what else one can be made."""

    jobs: list[JobDescription]
    sources: list[str] = Field(
        examples=[["photos"]], description="Names that the operator has allowed as `source`."
    )


def _refusals(*statuses: int) -> Responses:
    return refusals(*statuses, unusual=UNUSUAL)


router = APIRouter(prefix="/v1/jobs", tags=["jobs"], responses=_refusals(401, 403, 503))


@router.get("", responses=_refusals(400), summary="Jobs of this key's tenant, newest first")
async def list_jobs(
    key: PredictKey,
    jobs: Jobs,
    settings: Settings,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> JobList:
    """A key with the scope admin sees everybody's. Jobs are kept for a while after their end."""
    found, now = await jobs.latest(limit, tenant=seen_tenant(key)), utc_now()
    told = [described_job(job, now=now) for job in found]
    return JobList(jobs=told, sources=sorted(settings.job_sources))


@router.get("/{job_id}", responses=_refusals(404), summary="How a job stands")
async def show_job(job_id: JobId, key: PredictKey, jobs: Jobs) -> JobDescription:
    """State, counts, rate, time left; `results` and `events` say where there is more of it."""
    return described_job(await seen_job(jobs, key, job_id), now=utc_now())


@router.delete("/{job_id}", responses=_refusals(404), summary="Cancel a job")
async def cancel_job(job_id: JobId, key: PredictKey, jobs: Jobs) -> JobDescription:
    """What is answered by now stays; one that has ended stays as it is, so asking twice is fine."""
    job = await seen_job(jobs, key, job_id)
    await jobs.cancel(job.id, f"cancelled by the key {key.name!r}")
    return described_job(await jobs.get(job.id), now=utc_now())
