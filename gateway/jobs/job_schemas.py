"""A job as JSON: the answer of /v1/jobs, with examples that OpenAPI shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, Field

from gateway.jobs.job import Job, JobState
from python_backends.shared.contract import Task

JOBS_PATH: Final = "/v1/jobs"


def job_path(job_id: str) -> str:
    """Where a job is shown."""
    return f"{JOBS_PATH}/{job_id}"


class SourceDescription(BaseModel):
    """Where the items of a job lie that did not come with the request."""

    source: str = Field(examples=["photos"])
    prefix: str = Field(examples=["2026/"])


class JobDescription(BaseModel):
    """A job as it stands."""

    id: str = Field(examples=["9f2c4e6a8b0d1357"])
    alias: str = Field(examples=["digits"])
    task: Task
    state: JobState = Field(
        description="`receiving`: items still come in. `listing`: its source is looked through. "
        "`queued`, `running`: all items are here. The others are ends, and stay."
    )
    sentence: str = Field(description="Why it failed, or who cancelled it; empty otherwise.")
    items: int = Field(examples=[10_000], description="That have come so far.")
    is_whole: bool = Field(description="Whether no more will come.")
    done: int = Field(examples=[2_560], description="Items that have their answer.")
    refused: int = Field(examples=[3], description="Those of them whose answer is an error.")
    per_second: float | None = Field(
        examples=[812.4], description="Items answered, since the first was looked at."
    )
    seconds_left: float | None = Field(
        examples=[9.2], description="If it goes on like that; null where nobody can tell."
    )
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    top_k: int | None = Field(description="Labels per item; null: as many as a prediction has.")
    source: SourceDescription | None
    webhook: str | None
    results: str = Field(examples=["/v1/jobs/9f2c4e6a8b0d1357/results"])
    events: str = Field(examples=["/v1/jobs/9f2c4e6a8b0d1357/events"])


def described_job(job: Job, *, now: datetime) -> JobDescription:
    """Say how a job stands.

    Args:
        job: Any.
        now: In UTC.
    """
    per_second = _per_second(job, now)
    told: dict[str, Any] = {
        name: getattr(job, name)
        for name in ("id", "task", "state", "sentence", "items", "is_whole", "done", "refused")
    }
    source = job.terms.source
    return JobDescription(
        **told,
        alias=job.name,
        per_second=per_second and round(per_second, 3),
        seconds_left=_seconds_left(job, per_second),
        created_at=job.created_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        top_k=job.terms.top_k,
        source=SourceDescription(source=source.source, prefix=source.prefix) if source else None,
        webhook=job.terms.webhook,
        results=f"{job_path(job.id)}/results",
        events=f"{job_path(job.id)}/events",
    )


def _per_second(job: Job, now: datetime) -> float | None:
    if job.started_at is None:
        return None
    # A worker on another machine has another clock: less than nothing is no time yet.
    seconds = ((job.ended_at or now) - job.started_at).total_seconds()
    return job.done / seconds if seconds > 0 else None


def _seconds_left(job: Job, per_second: float | None) -> float | None:
    if job.ended_at is not None or not job.is_whole or not per_second:
        return None
    return round((job.items - job.done) / per_second, 1)
