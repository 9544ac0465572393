"""Items come back as they were put away."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import StartRefused
from gateway.jobs.job_errors import StorageUnavailable
from gateway.jobs.payload import (
    DamagedPayload,
    ItemReference,
    JobItem,
    ReferencedItems,
    pack_items,
    pack_references,
    unpack,
)
from gateway.jobs.payload_shelf import PayloadShelf, storage_url
from gateway.settings import GatewaySettings

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.builds(JobItem, NAMES, st.binary(max_size=50), st.integers(0, 9)), max_size=5))
def test_items_come_back(items: list[JobItem]) -> None:
    assert unpack(pack_items(items)) == items


def test_references_come_back() -> None:
    referenced = ReferencedItems("photos", (ItemReference("a/b.png", 12), ItemReference("c", 0)))

    assert unpack(pack_references(referenced)) == referenced


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"no json\n",
        b"[]\n",
        b'{"items": [["a", 3, 0]]}\nab',
        b'{"items": [["a", 3, 0]]}\nabcd',
        b'{"items": [3]}\n',
        b'{"source": "photos", "references": [["a"]]}\n',
    ],
)
def test_a_damaged_payload_is_told(payload: bytes) -> None:
    with pytest.raises(DamagedPayload):
        unpack(payload)


async def test_a_folder_keeps_chunks_until_the_job_is_removed(tmp_path: Path) -> None:
    shelf = PayloadShelf((tmp_path / "a" / "jobs").as_uri())

    await shelf.put("j1", 0, b"first")
    await shelf.put("j1", 1, b"x")
    await shelf.put("j1", 1, b"second")
    await shelf.put("j2", 0, b"another")

    assert await shelf.get("j1", 1) == b"second"
    await shelf.remove("j1")
    await shelf.remove("j1")
    with pytest.raises(FileNotFoundError):
        await shelf.get("j1", 0)
    assert await shelf.get("j2", 0) == b"another"


async def test_of_a_job_that_is_removed_nothing_is_left_not_even_a_broken_write(
    tmp_path: Path,
) -> None:
    shelf = PayloadShelf((tmp_path / "jobs of ours").as_uri())
    await shelf.put("j1", 0, b"first")
    await shelf.put("j2", 0, b"another")
    # So obstore calls what it writes; a kill -9 leaves it.
    (tmp_path / "jobs of ours" / "j1" / "00000001#1").write_bytes(b"sec")

    await shelf.remove("j1")

    assert [it.name for it in (tmp_path / "jobs of ours").iterdir()] == ["j2"]


async def test_a_storage_that_is_gone_is_one_error(tmp_path: Path) -> None:
    shelf = PayloadShelf((tmp_path / "jobs").as_uri())
    await shelf.remove("j1")
    (tmp_path / "jobs").rmdir()
    (tmp_path / "jobs").write_text("a file")

    with pytest.raises(StorageUnavailable):
        await shelf.put("j1", 0, b"first")
    with pytest.raises(StorageUnavailable):
        await shelf.get("j1", 0)


def test_what_is_no_storage_is_refused_at_the_start() -> None:
    with pytest.raises(StartRefused, match="cannot be kept at ftp"):
        PayloadShelf("ftp://somewhere/else")


def test_the_state_folder_is_the_storage_unless_somebody_names_another(tmp_path: Path) -> None:
    by_default = GatewaySettings(state_dir=tmp_path)
    named = GatewaySettings(state_dir=tmp_path, job_storage_url="s3://bucket/jobs")

    assert storage_url(by_default) == (tmp_path / "jobs").as_uri()
    assert storage_url(named) == "s3://bucket/jobs"
