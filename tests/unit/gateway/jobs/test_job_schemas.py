"""How fast a job is, and how long it will be, as far as anybody can tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from gateway.jobs.job import Job, JobState, JobTerms, SourceFolder
from gateway.jobs.job_schemas import described_job
from python_backends.shared.contract import Task

NOON: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
JOB: Final = Job(
    id="9f2c4e6a8b0d1357",
    key_id="0a0a",
    tenant="0a0a",
    name="digits",
    task=Task.IMAGE_CLASSIFICATION,
    terms=JobTerms(),
    state=JobState.RUNNING,
    sentence="",
    items=100,
    is_whole=True,
    done=25,
    refused=1,
    payload_bytes=1000,
    created_at=NOON,
    started_at=NOON,
    ended_at=None,
)


@pytest.mark.parametrize(
    ("changes", "per_second", "seconds_left"),
    [
        ({}, 2.5, 30.0),
        ({"is_whole": False}, 2.5, None),
        ({"started_at": None, "done": 0}, None, None),
        ({"done": 0}, 0.0, None),
        ({"started_at": NOON + timedelta(seconds=11)}, None, None),
        ({"ended_at": NOON + timedelta(seconds=5), "done": 100}, 20.0, None),
    ],
)
def test_rate_and_time_left(
    changes: dict[str, Any], per_second: float | None, seconds_left: float | None
) -> None:
    told = described_job(replace(JOB, **changes), now=NOON + timedelta(seconds=10))

    assert (told.per_second, told.seconds_left) == (per_second, seconds_left)


def test_a_job_tells_where_its_answers_are_and_what_was_asked() -> None:
    terms = JobTerms(top_k=3, webhook="https://shop.example/x", source=SourceFolder("photos", "a/"))

    told = described_job(replace(JOB, terms=terms), now=NOON).model_dump(mode="json")

    assert told["results"] == "/v1/jobs/9f2c4e6a8b0d1357/results"
    assert told["events"] == "/v1/jobs/9f2c4e6a8b0d1357/events"
    assert (told["alias"], told["top_k"]) == ("digits", 3)
    assert told["source"] == {"source": "photos", "prefix": "a/"}
    assert told["webhook"] == "https://shop.example/x"
    assert (told["state"], told["created_at"]) == ("running", "2026-11-23T12:00:00Z")
