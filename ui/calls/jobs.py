"""/v1/jobs: which there are and how they stand; begin one, cancel one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict
from urllib.parse import quote

from ui.calls.gateway_http import Body, Caller, Form, QueryValue, decoded
from ui.calls.readiness import as_moment

JOBS = "/v1/jobs"
RUNNING = "running"
ENDED = frozenset({"succeeded", "failed", "cancelled"})
# From the last byte of what is sent until the answer; each piece before has as long.
_SENDING_SECONDS = 60.0


class SourceBody(TypedDict):
    """Where items lie that did not come with the request."""

    source: str
    prefix: str


class JobBody(TypedDict):
    """GET /v1/jobs/{id}."""

    id: str
    alias: str
    task: str
    state: str
    sentence: str
    items: int
    is_whole: bool
    done: int
    refused: int
    per_second: float | None
    seconds_left: float | None
    created_at: str
    started_at: str | None
    ended_at: str | None
    source: SourceBody | None


class JobsBody(TypedDict):
    """GET /v1/jobs."""

    jobs: list[JobBody]
    sources: list[str]


@dataclass(frozen=True)
class Job:
    """One job as it stands.

    Attributes:
        state: As the gateway names it.
        sentence: Why it failed, or who cancelled it; empty otherwise.
        items: That have come so far.
        is_whole: Whether no more will come.
        done: Items that have their answer, refusals among them.
        refused: Items whose answer is an error.
        per_second: Items answered in a second; None while nobody can tell.
        seconds_left: Likewise.
        source: Where its items lie, if they did not come with the request; empty otherwise.
    """

    id: str
    alias: str
    task: str
    state: str
    sentence: str
    items: int
    is_whole: bool
    done: int
    refused: int
    per_second: float | None
    seconds_left: float | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    source: str = ""

    @property
    def is_live(self) -> bool:
        """Whether it goes on."""
        return self.state not in ENDED

    @property
    def share(self) -> float:
        """How much of what has come is answered, 0 to 1."""
        return min(1.0, max(0.0, self.done / self.items)) if self.items > 0 else 0.0

    @property
    def since(self) -> datetime:
        """When it came into its state, as far as the gateway tells."""
        begun = self.started_at if self.state == RUNNING else None
        return self.ended_at or begun or self.created_at


@dataclass(frozen=True)
class JobBoard:
    """The newest jobs, and the names of sources of which a job can be made."""

    jobs: tuple[Job, ...] = ()
    sources: tuple[str, ...] = ()


def list_jobs(caller: Caller, limit: int) -> JobBoard:
    """The newest jobs that this key may see, newest first.

    Raises:
        GatewayProblem: In one of its forms, when there is no answer.
    """
    return caller.look(JOBS, decode_jobs, query={"limit": limit})


def submit_job(
    caller: Caller, body: Body | Form, *, alias: str, top_k: int | None, idempotency_key: str
) -> Job:
    """Hand in a job.

    Args:
        caller: Whom to ask.
        body: Its items.
        alias: Which model they are for.
        top_k: Labels per item; None is as many as a prediction has.
        idempotency_key: Under the same one the same job is told, not begun again.

    Raises:
        GatewayProblem: As above.
    """
    query: dict[str, QueryValue] = {"alias": alias}
    if top_k is not None:
        query["top_k"] = top_k
    response = caller.fetch(
        "POST",
        JOBS,
        query=query,
        body=body,
        headers={"Idempotency-Key": idempotency_key},
        patience_seconds=_SENDING_SECONDS,
    )
    return decoded(response, decode_job)


def cancel_job(caller: Caller, job_id: str) -> Job:
    """Let a job end as it is; one that has ended stays so.

    Raises:
        GatewayProblem: As above.
    """
    return caller.tell("DELETE", job_path(job_id), decode_job)


def job_path(job_id: str) -> str:
    """Where the gateway tells of it."""
    return f"{JOBS}/{quote(job_id, safe='')}"


def decode_jobs(body: JobsBody) -> JobBoard:
    """Decode GET /v1/jobs, in the gateway's order."""
    return JobBoard(
        jobs=tuple(decode_job(job) for job in body["jobs"]),
        sources=tuple(str(name) for name in body["sources"]),
    )


def decode_job(body: JobBody) -> Job:
    """Decode GET /v1/jobs/{id}."""
    source = body["source"]
    return Job(
        id=str(body["id"]),
        alias=str(body["alias"]),
        task=str(body["task"]),
        state=str(body["state"]),
        sentence=str(body["sentence"]),
        items=int(body["items"]),
        is_whole=body["is_whole"] is True,
        done=int(body["done"]),
        refused=int(body["refused"]),
        per_second=_amount(body["per_second"]),
        seconds_left=_amount(body["seconds_left"]),
        created_at=as_moment(body["created_at"]),
        started_at=_moment(body["started_at"]),
        ended_at=_moment(body["ended_at"]),
        source="" if source is None else f"{source['source']}/{source['prefix']}",
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else as_moment(text)


def _amount(number: float | None) -> float | None:
    if number is None:
        return None
    if not math.isfinite(float(number)):
        raise ValueError("an amount that is no number")
    return float(number)
