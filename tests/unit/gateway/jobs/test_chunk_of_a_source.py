"""Items that lie elsewhere are read when their chunk is answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.jobs.payload import ItemReference, ReferencedItems, pack_references
from gateway.jobs.runner.chunk_work import JobLost
from tests.unit.gateway.jobs.test_chunk_work import Rig, claim, codes, lines


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


async def test_items_of_a_source_are_read_where_they_lie(rig: Rig) -> None:
    (rig.photos / "a.png").write_bytes(b"picture")
    (rig.photos / "large.png").write_bytes(b"x" * 500)
    referenced = ReferencedItems(
        "photos",
        (ItemReference("a.png", 7), ItemReference("gone.png", 3), ItemReference("large.png", 500)),
    )
    await rig.shelf.put("job1", 2, pack_references(referenced))

    told = lines(await rig.work.answers(claim(3)))

    assert [it["name"] for it in told] == ["a.png", "gone.png", "large.png"]
    assert codes(told) == ["", "empty_body", "payload_too_large"]


async def test_a_source_that_is_not_allowed_any_more_ends_the_job(rig: Rig) -> None:
    referenced = ReferencedItems("secret", (ItemReference("a.png", 7),))
    await rig.shelf.put("job1", 2, pack_references(referenced))

    with pytest.raises(JobLost, match="not allowed any more"):
        await rig.work.answers(claim(1))
