"""How a job stands, as events: what is said when."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.jobs.job import Job, JobState, JobTerms, SourceFolder
from gateway.jobs.job_store import JobStore
from gateway.jobs.job_streams import events
from gateway.jobs.job_watch import Seat
from tests.unit.gateway.jobs.some_jobs import begun


def never() -> bool:
    return False


@pytest.fixture
async def job(jobs: JobStore) -> Job:
    """Of ten items that wait."""
    return await begun(jobs, 10)


async def said(stream: AsyncIterator[bytes]) -> tuple[str, int]:
    """The kind of the next event, and how many items it says are done."""
    kind, data, *rest = (await asyncio.wait_for(anext(stream), 5)).decode().split("\n")
    assert rest == ["", ""]
    told = json.loads(data.removeprefix("data: "))
    return kind.removeprefix("event: "), told["done"]


async def test_each_change_is_an_event_and_the_end_is_the_last(job: Job) -> None:
    seat = Seat(job, "0a0a")
    stream = events(seat, never)
    assert await said(stream) == ("progress", 0)
    seat.tell(job)  # nothing has changed
    seat.tell(replace(job, done=4, state=JobState.RUNNING))
    assert await said(stream) == ("progress", 4)
    seat.tell(replace(job, done=6))
    seat.tell(replace(job, done=8))  # whoever is slow is told of the last only
    assert await said(stream) == ("progress", 8)
    seat.tell(replace(job, done=10, state=JobState.SUCCEEDED, ended_at=job.created_at))
    assert await said(stream) == ("end", 10)

    assert [piece async for piece in stream] == []


async def test_of_a_job_that_has_ended_only_the_end_is_said(job: Job) -> None:
    over = replace(job, state=JobState.FAILED, ended_at=job.created_at + timedelta(seconds=1))

    (piece,) = [piece async for piece in events(Seat(over, "0a0a"), never)]

    assert piece.startswith(b"event: end\n")


async def test_an_event_is_two_lines_whatever_somebody_calls_things(job: Job) -> None:
    odd = replace(job, terms=JobTerms(source=SourceFolder("photos", "a\u2028b\x85c\rd\ne")))

    piece = await anext(events(Seat(odd, "0a0a"), never))

    _, data, *rest = piece.decode().splitlines()
    assert rest == [""]
    assert json.loads(data.removeprefix("data: "))["source"]["prefix"] == "a\u2028b\x85c\rd\ne"


async def test_silence_is_broken_by_a_comment(job: Job) -> None:
    stream = events(Seat(job, "0a0a"), never, heartbeat_seconds=0.01)
    await anext(stream)

    assert [await anext(stream), await anext(stream)] == [b": still here\n\n"] * 2


async def test_without_an_end_the_stream_closes_where_the_job_is_gone(job: Job) -> None:
    seat = Seat(job, "0a0a")
    stream = events(seat, never)
    await anext(stream)

    seat.tell(None)

    assert [piece async for piece in stream] == []


async def test_and_where_the_gateway_ends(job: Job) -> None:
    ending: list[bool] = []
    stream = events(Seat(job, "0a0a"), lambda: bool(ending), heartbeat_seconds=0.01)
    await anext(stream)

    ending.append(True)

    assert [piece async for piece in stream if piece != b": still here\n\n"] == []
