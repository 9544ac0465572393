"""What the clients say of jobs: frozen, typed, the same from both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from python_backends.shared.contract import Task


class JobState(StrEnum):
    """Where a job stands; a test compares it with the gateway's."""

    RECEIVING = "receiving"  # items still come in; those that are here are worked on
    LISTING = "listing"  # a worker is to look what its source holds
    QUEUED = "queued"  # all items are here, and none was looked at
    RUNNING = "running"  # all items are here, and some were looked at
    SUCCEEDED = "succeeded"  # every item has its answer, be it a refusal
    FAILED = "failed"  # it was given up; what was answered until then stays
    CANCELLED = "cancelled"  # somebody wanted no more; what was answered until then stays


_ENDED: Final = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED})


@dataclass(frozen=True, slots=True)
class JobSource:
    """Where the items of a job lie that did not come with the request."""

    source: str
    """Its name in GATEWAY_JOB_SOURCES."""
    prefix: str = ""
    """Only what is below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as it stood when the gateway was asked."""

    id: str
    alias: str
    task: Task
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
    """Items whose answer is a refusal."""
    per_second: float | None
    """Items answered, since the first was looked at."""
    seconds_left: float | None
    """If it goes on like that; None where nobody can tell."""
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    top_k: int | None
    """Labels per item; None: as many as a prediction has."""
    source: JobSource | None
    webhook: str | None

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it changes any more."""
        return self.state in _ENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAnswer:
    """What every answer of a job says."""

    index: int
    """Of the item in the job, from 0, in the order in which items were given."""
    name: str
    """What its owner calls the item: a path in the folder or archive, an id; may be empty."""
    release: str
    """Who answered; empty where nobody had to be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPrediction(JobAnswer):
    """The classes of one image or text, highest score first."""

    labels: tuple[str, ...]
    scores: tuple[float, ...]
    """Softmax probabilities, 0 to 1."""
    is_truncated: bool = False
    """Whether only the first part was read, because the whole was too long."""

    @property
    def label(self) -> str:
        """The likeliest class."""
        return self.labels[0]

    @property
    def score(self) -> float:
        """How likely that is, 0 to 1."""
        return self.scores[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRefusal(JobAnswer):
    """One image or text that got no prediction, while its neighbours did."""

    code: str
    """Stable, of docs/errors.md: "undecodable_image"."""
    message: str


JobResult = JobPrediction | JobRefusal

ResultForm = Literal["csv", "jsonl"]
"""How a file of results is written."""
