"""What a job is: many items of one caller, answered when there is room for it. No storage here."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from python_backends.shared.contract import Task


class JobState(StrEnum):
    """Where a job stands."""

    RECEIVING = "receiving"  # items still come in; those that are here are worked on
    LISTING = "listing"  # a worker is to look what its source holds
    QUEUED = "queued"  # all items are here, and none was looked at
    RUNNING = "running"  # all items are here, and some were looked at
    SUCCEEDED = "succeeded"  # every item has its answer, be it a refusal
    FAILED = "failed"  # it was given up; what was answered until then stays
    CANCELLED = "cancelled"  # its owner did not want more; what was answered until then stays


# What a worker may take chunks of.
AT_WORK: Final = frozenset({JobState.RECEIVING, JobState.QUEUED, JobState.RUNNING})
ALIVE: Final = AT_WORK | {JobState.LISTING}
ENDED: Final = frozenset(JobState) - ALIVE


@dataclass(frozen=True)
class SourceFolder:
    """Where the items of a job lie, in a source that the operator has allowed."""

    source: str
    """Its name in GATEWAY_JOB_SOURCES."""
    prefix: str = ""
    """Only what is below it."""


@dataclass(frozen=True)
class JobTerms:
    """What the caller decided."""

    top_k: int | None = None
    """Labels per item; None: as many as a prediction answers by default."""
    webhook: str | None = None
    """Whom to tell when the job has ended."""
    source: SourceFolder | None = None
    is_single: bool = False
    """One item that came alone: its answer is an object, not a list."""

    def to_json(self) -> str:
        """As a text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> JobTerms:
        """Read such a text."""
        values = json.loads(text)
        source = values.pop("source")
        return cls(**values, source=SourceFolder(**source) if source else None)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job as it stands."""

    id: str
    key_id: str
    tenant: str
    """Keys of this tenant may see it."""
    name: str
    """The alias, or the release, that is asked."""
    task: Task
    terms: JobTerms
    state: JobState
    sentence: str
    """Why it failed, or who cancelled it; empty otherwise."""
    items: int
    """That have come so far."""
    is_whole: bool
    """Whether no more will come."""
    done: int
    """Items that have their answer, refusals among them."""
    refused: int
    """Items whose answer is an error."""
    payload_bytes: int
    created_at: datetime
    started_at: datetime | None
    """When a worker took the first chunk."""
    ended_at: datetime | None


@dataclass(frozen=True)
class Chunk:
    """A part of a job that is worked on at once."""

    job_id: str
    number: int
    """From 0, in the order of the items."""
    first: int
    """Index of its first item in the job."""
    items: int


@dataclass(frozen=True)
class Claim:
    """A chunk that somebody works on, and its job as it stood then."""

    job: Job
    chunk: Chunk
    attempt: int
    """How often somebody has begun with it; this is one."""
