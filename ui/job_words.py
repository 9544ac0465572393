"""Jobs -> rows, states, times in words. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime

import pandas as pd

from ui.calls.job_answers import ItemAnswer
from ui.calls.jobs import Job
from ui.outcome import as_cell
from ui.texts import Texts
from ui.view_models import as_code, escape_markdown

Clock = Callable[[datetime], str]

# By the gateway's names.
_STATES = {
    "receiving": "jobs.state.receiving",
    "listing": "jobs.state.listing",
    "queued": "jobs.state.queued",
    "running": "jobs.state.running",
    "succeeded": "jobs.state.succeeded",
    "failed": "jobs.state.failed",
    "cancelled": "jobs.state.cancelled",
}
_MINUTE, _HOUR = 60, 3600
# Below that a rate has a decimal.
_FEW = 10


def state_word(job: Job, texts: Texts) -> str:
    """Where a job stands; what this page does not know yet is told by the gateway's own name."""
    return texts(_STATES[job.state]) if job.state in _STATES else job.state


def rate_in_words(job: Job, texts: Texts) -> str:
    """How fast it goes, or went; empty while nobody can tell."""
    if job.per_second is None:
        return ""
    rate = f"{job.per_second:.1f}" if job.per_second < _FEW else f"{job.per_second:,.0f}"
    return texts("jobs.rate", rate=rate)


def time_left_in_words(job: Job, texts: Texts) -> str:
    """How long it will take if it goes on like that; empty while nobody can tell."""
    if job.seconds_left is None:
        return ""
    seconds = max(0, round(job.seconds_left))
    if seconds < _MINUTE:
        return texts("jobs.duration.seconds", seconds=seconds)
    if seconds < _HOUR:
        minutes, seconds = divmod(seconds, _MINUTE)
        return texts("jobs.duration.minutes", minutes=minutes, seconds=seconds)
    hours, seconds = divmod(seconds, _HOUR)
    return texts("jobs.duration.hours", hours=f"{hours:,}", minutes=seconds // _MINUTE)


def progress_in_words(job: Job, texts: Texts) -> str:
    """How far it is."""
    name = "jobs.progress" if job.is_whole else "jobs.progress_so_far"
    return texts(name, done=f"{job.done:,}", items=f"{job.items:,}")


def title_of(job: Job, clock: Clock) -> str:
    """A job among others to choose from, in plain text; never two the same."""
    return f"{job.alias} · {clock(job.created_at)} · {job.id}"


def standing_in_words(job: Job, texts: Texts, clock: Clock) -> str:
    """What it is, where it stands, since when; Markdown."""
    return texts(
        "jobs.standing",
        state=escape_markdown(state_word(job, texts)),
        since=clock(job.since),
        alias=as_code(job.alias),
        id=as_code(job.id),
    )


def facts_in_words(job: Job, texts: Texts) -> str:
    """Everything else about it that is known now; Markdown."""
    left = time_left_in_words(job, texts)
    told = (
        texts("jobs.refused", refused=f"{job.refused:,}"),
        rate_in_words(job, texts),
        texts("jobs.left", left=left) if left else "",
        texts("jobs.from_source", source=as_code(job.source)) if job.source else "",
    )
    return " · ".join(part for part in told if part)


def to_job_rows(jobs: Sequence[Job], texts: Texts, clock: Clock) -> pd.DataFrame:
    """One row per job, in their order; a dataframe shows text as it is."""
    return pd.DataFrame(
        {
            "alias": [as_cell(job.alias) for job in jobs],
            "state": [state_word(job, texts) for job in jobs],
            # In whole percents, and the last one only when nothing is left.
            "progress": [math.floor(job.share * 100) / 100 for job in jobs],
            "items": [job.items for job in jobs],
            "refused": [job.refused for job in jobs],
            "rate": [rate_in_words(job, texts) for job in jobs],
            "left": [time_left_in_words(job, texts) for job in jobs],
            "since": [clock(job.since) for job in jobs],
            "id": [job.id for job in jobs],
        }
    )


def to_answer_rows(answers: Sequence[ItemAnswer]) -> pd.DataFrame:
    """One row per item, in their order."""
    return pd.DataFrame(
        {
            "index": [it.index for it in answers],
            "name": [as_cell(it.name) for it in answers],
            "label": [as_cell(it.label) for it in answers],
            "score": [it.score for it in answers],
            "release": [it.release for it in answers],
            "code": [as_cell(it.code) for it in answers],
        }
    )


def to_error_rows(errors: Sequence[ItemAnswer]) -> pd.DataFrame:
    """One row per item that was refused, in their order."""
    return pd.DataFrame(
        {
            "index": [it.index for it in errors],
            "name": [as_cell(it.name) for it in errors],
            "code": [as_cell(it.code) for it in errors],
            "message": [as_cell(it.message) for it in errors],
        }
    )
