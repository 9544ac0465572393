"""Jobs of folders that the operator has allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.jobs.chunk_store import ChunkStore
from gateway.jobs.job import Job, JobState, JobTerms, SourceFolder
from gateway.jobs.job_store import JobStore
from gateway.jobs.payload import CHUNK_BYTES, CHUNK_ITEMS, ItemReference, ReferencedItems, unpack
from gateway.jobs.payload_shelf import PayloadShelf
from gateway.jobs.runner.job_runner import LEASE
from gateway.jobs.runner.listing import Listing, parts_of
from gateway.jobs.runner.sources import Sources
from tests.unit.gateway.jobs.conftest import MovedClock
from tests.unit.gateway.jobs.some_jobs import wanted


class Rig:
    """A source, and who looks through it."""

    def __init__(
        self, folder: Path, engine: AsyncEngine, jobs: JobStore, clock: MovedClock
    ) -> None:
        self.photos = folder / "photos"
        self.jobs = jobs
        self.shelf = PayloadShelf((folder / "jobs").as_uri())
        chunks = ChunkStore(engine, "one", LEASE, clock)
        self.sources = Sources({"photos": self.photos.as_uri()})
        self.clock = clock
        self.listing = Listing(chunks, self.sources, self.shelf, max_items=3, clock=clock)

    def put(self, *paths: str) -> None:
        for path in paths:
            file = self.photos / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"picture")

    async def listed(self, source: str = "photos", prefix: str = "") -> Job:
        job = await self.jobs.begin(wanted(JobTerms(source=SourceFolder(source, prefix))))
        await self.listing.look()
        return await self.jobs.get(job.id)


@pytest.fixture
def rig(tmp_path: Path, engine: AsyncEngine, jobs: JobStore, clock: MovedClock) -> Rig:
    return Rig(tmp_path, engine, jobs, clock)


async def test_what_a_folder_holds_is_listed_by_path(rig: Rig) -> None:
    rig.put("b.png", "a/2.png", "a/1.png", "a/.hidden")

    job = await rig.listed()

    assert (job.state, job.items) == (JobState.QUEUED, 3)
    found = unpack(await rig.shelf.get(job.id, 0))
    assert isinstance(found, ReferencedItems)
    assert [it.path for it in found.items] == ["a/1.png", "a/2.png", "b.png"]
    assert await rig.sources.read("photos", "a/1.png") == b"picture"


@pytest.mark.parametrize("prefix", ["a//", "x" * 900])
async def test_a_prefix_that_cannot_be_looked_at_keeps_nobody_waiting(
    rig: Rig, prefix: str
) -> None:
    rig.put("a/1.png")
    job = await rig.listed(prefix=prefix)
    assert job.state is JobState.LISTING

    assert (await rig.listed()).items == 1


async def test_a_prefix_limits_it(rig: Rig) -> None:
    rig.put("a/1.png", "b/1.png")

    assert (await rig.listed(prefix="b")).items == 1
    assert (await rig.listed(prefix="c")).state is JobState.SUCCEEDED


async def test_nothing_outside_of_it_is_read(rig: Rig, tmp_path: Path) -> None:
    rig.put("a.png")
    (tmp_path / "secret").write_bytes(b"secret")

    with pytest.raises(ValueError, match="path"):
        await rig.sources.read("photos", "../secret")


async def test_more_than_a_job_may_have_fails_it(rig: Rig) -> None:
    rig.put("1", "2", "3", "4")

    job = await rig.listed()

    assert job.state is JobState.FAILED
    assert "more than 3 items" in job.sentence


async def test_a_source_that_is_not_allowed_any_more_fails_the_job(rig: Rig) -> None:
    assert (await rig.listed("others")).sentence == "its source is not allowed any more"


async def test_a_source_that_is_away_is_waited_for_a_day(rig: Rig) -> None:
    rig.photos.write_bytes(b"no folder")

    job = await rig.listed()
    assert job.state is JobState.LISTING

    rig.clock.move(86401)
    await rig.listing.look()
    assert (await rig.jobs.get(job.id)).sentence == "the source photos is not there now"


async def test_names_that_are_no_paths_fail_their_job_with_the_reason(rig: Rig) -> None:
    rig.put("a.png", "new\nline.png")

    job = await rig.listed()

    assert job.state is JobState.FAILED
    assert "not UTF-8 or have control characters" in job.sentence


async def test_a_source_that_cannot_be_listed_keeps_no_other_job_waiting(rig: Rig) -> None:
    rig.put("loop/a.png", "good/a.png")
    (rig.photos / "loop" / "loop").symlink_to(".")

    waits = await rig.listed(prefix="loop")
    good = await rig.listed(prefix="good")

    assert (waits.state, good.state) == (JobState.LISTING, JobState.QUEUED)


def test_parts_are_small_enough_to_be_held_at_once() -> None:
    many = [ItemReference(str(number), 1) for number in range(CHUNK_ITEMS + 1)]
    large = [ItemReference(str(number), CHUNK_BYTES // 2) for number in range(3)]
    huge = [ItemReference("huge", CHUNK_BYTES * 2), ItemReference("small", 1)]

    assert [len(part) for part in parts_of(many)] == [CHUNK_ITEMS, 1]
    assert [len(part) for part in parts_of(large)] == [2, 1]
    assert [len(part) for part in parts_of(huge)] == [1, 1]
    assert list(parts_of([])) == []
