"""The answer to whoever has given a job: where it is, and how it stands."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from gateway.jobs.job import Job
from gateway.jobs.job_rows import utc_now
from gateway.jobs.job_schemas import described_job, job_path

ACCEPTED: Final = HTTPStatus.ACCEPTED
ASYNC_APPLIED: Final = {"Preference-Applied": "respond-async"}


def job_body(job: Job) -> str:
    """JSON, as of now."""
    return described_job(job, now=utc_now()).model_dump_json()


def job_headers(job: Job) -> dict[str, str]:
    """Where it is, and what the body is."""
    return {"Location": job_path(job.id), "Content-Type": "application/json"}
