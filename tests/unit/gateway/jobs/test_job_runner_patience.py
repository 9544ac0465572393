"""What a runner cannot do now keeps neither it nor another from doing it later."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.errors import InferenceUnavailable, UnknownAlias
from gateway.jobs.job import Claim, JobState
from gateway.jobs.job_store import JobStore
from tests.unit.gateway.jobs.conftest import MovedClock
from tests.unit.gateway.jobs.some_jobs import begun
from tests.unit.gateway.jobs.test_job_runner import Rig


@pytest.fixture
def rig(engine: AsyncEngine, jobs: JobStore, clock: MovedClock) -> Rig:
    return Rig(engine, jobs, clock)


async def test_only_what_is_missing_without_a_break_is_missing_for_long(
    rig: Rig, jobs: JobStore
) -> None:
    """As when an outage begins and ends with a supervisor that says nothing of the alias."""
    # Each look is a quarter of a second after the one before, which is longer than "for long" here.
    troubles = [UnknownAlias("none"), InferenceUnavailable("nobody"), UnknownAlias("none")]

    async def away(_claim: Claim) -> None:
        if troubles:
            raise troubles.pop(0)

    rig.work.before = away
    async with rig.running():
        ended = await rig.ended(await begun(jobs, 2), moving=True)

    assert ended.state is JobState.SUCCEEDED


async def test_a_chunk_that_failed_oddly_is_free_again_though_others_are_under_way(
    rig: Rig, jobs: JobStore
) -> None:
    tries = 0

    async def surprise(claim: Claim) -> None:
        nonlocal tries
        if claim.chunk.number == 0:
            tries += 1
            if tries == 1:
                raise RuntimeError("who would have thought")
            return
        while tries < 2:  # noqa: ASYNC110 - short, and the test ends it
            await asyncio.sleep(0.01)

    rig.work.before = surprise
    async with rig.running():
        ended = await rig.ended(await begun(jobs, 2, 2), moving=True)

    assert ended.state is JobState.SUCCEEDED
