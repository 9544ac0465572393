"""Calls about jobs without a socket: what is asked, and for how long again after a failure."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import httpx

from triptych.client.errors import (
    RateLimited,
    ServerFailed,
    TimedOut,
    TriptychClientError,
    Unavailable,
)
from triptych.client.gateway_http import Ask
from triptych.client.job_items import JobItems
from triptych.client.jobs import Job, ResultForm

JOBS_PATH: Final = "/v1/jobs"
# A machine that starts anew is back by then; and for 45 seconds a submission whose gateway was
# killed is held to come in still, so that the same again is a conflict.
PATIENCE_SECONDS: Final = 180.0
# An archive of gigabytes is unpacked before the gateway answers; but it is there, or not, at once.
SUBMIT_TIMEOUT: Final = httpx.Timeout(300.0, connect=10.0)
# A stream that is silent for so long may be a connection that nobody holds any more.
SILENCE_SECONDS: Final = 60.0
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 2.0
_PAUSE_GROWTH: Final = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class JobWishes:
    """What `submit` may ask for, besides its items."""

    top_k: int | None = None
    webhook: str | None = None
    idempotency_key: str | None = None

    def ask(self, alias: str, items: JobItems) -> Ask:
        """Build the call that makes a job; sent twice, it makes one."""
        wanted = {"alias": alias, "top_k": self.top_k, "webhook": self.webhook}
        headers = {
            "Content-Type": items.content_type,
            "Idempotency-Key": self.idempotency_key or uuid.uuid4().hex,
        }
        if items.size_bytes is not None:  # or httpx would send chunks, and nobody knew how many
            headers["Content-Length"] = str(items.size_bytes)
        params = {name: str(value) for name, value in wanted.items() if value is not None}
        return Ask("POST", JOBS_PATH, headers, params)


def id_of(job: Job | str) -> str:
    """The id of a job, however it is named."""
    return job if isinstance(job, str) else job.id


def _path(job: Job | str) -> str:
    # An id that somebody typed must not become another path.
    return f"{JOBS_PATH}/{quote(id_of(job), safe='')}"


def ask_job(job: Job | str) -> Ask:
    """Build the call that tells how a job stands."""
    return Ask("GET", _path(job))


def ask_jobs(limit: int) -> Ask:
    """Build the call that tells of the newest jobs."""
    return Ask("GET", JOBS_PATH, params={"limit": str(limit)})


def ask_cancel(job: Job | str) -> Ask:
    """Build the call that cancels a job."""
    return Ask("DELETE", _path(job))


def ask_results(job: Job | str, *, form: ResultForm = "jsonl", follow: bool = False) -> Ask:
    """Build the call that brings results."""
    params: Mapping[str, str] = {"format": form, **({"follow": "true"} if follow else {})}
    return Ask("GET", f"{_path(job)}/results", params=params, timeout_seconds=SILENCE_SECONDS)


def may_pass(error: TriptychClientError) -> bool:
    """Whether the same call may be answered later: the gateway is away, or has too much to do."""
    if isinstance(error, RateLimited):
        return error.retry_after_seconds is not None
    # A proxy whose gateway starts anew says 502, and no code of ours.
    is_proxy = isinstance(error, ServerFailed) and error.status is not None and not error.code
    return is_proxy or isinstance(error, Unavailable | TimedOut)


class Pauses:
    """Pauses that grow, and are not the same for everybody."""

    def __init__(self) -> None:
        self._seconds = _FIRST_PAUSE_SECONDS

    def next(self) -> float:
        """The next one, in seconds."""
        seconds = self._seconds * random.uniform(0.75, 1.0)  # noqa: S311 - no secret
        self._seconds = min(self._seconds * _PAUSE_GROWTH, _LONGEST_PAUSE_SECONDS)
        return seconds


class Endurance:
    """For how long one call about a job is sent again.

    Args:
        seconds: From the first failure on.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadline: float | None = None
        self._pauses = Pauses()

    def pause_after(self, error: TriptychClientError, now: float) -> float | None:
        """How many seconds to wait before the next try; None: there is none.

        Args:
            error: What the last try ended with.
            now: The clock's time, in seconds.
        """
        has_failed_before = self._deadline is not None
        if self._deadline is None:
            self._deadline = now + self._seconds
        # The first try, which broke off, may still be coming in as far as the gateway knows.
        is_own_conflict = has_failed_before and error.code == "job_conflict"
        if not (is_own_conflict or may_pass(error)):
            return None
        pause = max(self._pauses.next(), error.retry_after_seconds or 0.0)
        return None if now + pause > self._deadline else pause


def not_in_time(job: Job) -> TimedOut:
    """Say that a job has not ended while somebody waited."""
    return TimedOut(f"job {job.id} goes on: {job.done} of {job.items} items are answered")
