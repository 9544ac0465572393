"""The items of a chunk are answered one by one, whatever some of them do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.data_plane.routing.route_book import Choice
from gateway.data_plane.routing.target import Target
from gateway.data_plane.servers.inference_call import InferenceCall
from gateway.errors import InferenceFailed, InferenceTimeout, InferenceUnavailable, UnknownAlias
from gateway.jobs.chunk_store import ChunkAnswers
from gateway.jobs.job import Chunk, Claim, Job, JobState, JobTerms
from gateway.jobs.payload import (
    JobItem,
    pack_items,
)
from gateway.jobs.payload_shelf import PayloadShelf
from gateway.jobs.runner.chunk_work import (
    ChunkWork,
    ItemsMissing,
    JobLost,
    ReleaseFails,
    Stopped,
)
from gateway.jobs.runner.sources import Sources
from gateway.jobs.runner.spare_capacity import Counted, SpareCapacity
from python_backends.shared.contract import ItemAnswer, Status, Task

TARGET: Final = Target("digits_r1", "f", Task.IMAGE_CLASSIFICATION, max_batch_size=4, top_k=3)
ANSWER: Final = ItemAnswer(Status.OK, ("7", "1", "9"), (0.9, 0.06, 0.04))
UNDECODABLE: Final = ItemAnswer(Status.UNDECODABLE, (), ())


class Triton:
    """Answers items by what they say."""

    def __init__(self) -> None:
        self.asked: list[list[bytes]] = []
        self.before: Callable[[Sequence[bytes]], None] = lambda _items: None

    async def classify(
        self, call: InferenceCall, on_trouble: Callable[[], None]
    ) -> list[ItemAnswer]:
        """One answer each."""
        del on_trouble
        self.asked.append(list(call.items))
        await asyncio.sleep(0)
        self.before(call.items)
        return [UNDECODABLE if item == b"bad" else ANSWER for item in call.items]


class Routes:
    """Know one name."""

    target: Target | None = TARGET

    def choose(self, name: str, header_key: str | None, key_id: str) -> Choice:
        """The target, by the job's id."""
        assert (name, header_key, key_id) == ("digits", "job1", "0a0a")
        if self.target is None:
            raise UnknownAlias("nothing has that name")
        return Choice(self.target, "digits_r1")


class Rig:
    """Work, and all it depends on."""

    def __init__(self, folder: Path) -> None:
        self.triton, self.routes = Triton(), Routes()
        self.shelf = PayloadShelf((folder / "jobs").as_uri())
        self.photos = folder / "photos"
        self.photos.mkdir()
        sources = Sources({"photos": self.photos.as_uri()})
        spare = SpareCapacity("digits_r1", 4, self._counted)
        self.work = ChunkWork(
            self.shelf, sources, self.routes, self.triton, lambda _: spare, max_image_bytes=100
        )

    async def _counted(self, _release: str) -> Counted:
        return Counted(0, 1)

    async def answers(self, *items: bytes, terms: JobTerms | None = None) -> list[dict[str, Any]]:
        """What is recorded of a chunk of these, which begins at 512."""
        named = [JobItem(f"{place}.png", item) for place, item in enumerate(items)]
        await self.shelf.put("job1", 2, pack_items(named))
        return lines(await self.work.answers(claim(len(items), terms)))


def claim(items: int, terms: JobTerms | None = None) -> Claim:
    job = Job(
        id="job1",
        key_id="0a0a",
        tenant="0a0a",
        name="digits",
        task=Task.IMAGE_CLASSIFICATION,
        terms=terms or JobTerms(),
        state=JobState.RUNNING,
        sentence="",
        items=items,
        is_whole=True,
        done=0,
        refused=0,
        payload_bytes=0,
        created_at=datetime.now(UTC),
        started_at=None,
        ended_at=None,
    )
    return Claim(job, Chunk("job1", 2, 512, items), attempt=1)


def lines(answers: ChunkAnswers) -> list[dict[str, Any]]:
    told = [json.loads(line) for line in zlib.decompress(answers.lines).splitlines()]
    assert answers.items == len(told)
    assert answers.refused == sum("error" in it for it in told)
    return told


def codes(told: list[dict[str, Any]]) -> list[str]:
    return [it["error"]["code"] if "error" in it else "" for it in told]


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


async def test_items_come_back_with_index_name_release_and_labels(rig: Rig) -> None:
    told = await rig.answers(*(b"picture" for _ in range(11)))

    assert [it["index"] for it in told] == list(range(512, 523))
    assert told[3] == {
        "index": 515,
        "name": "3.png",
        "release": "digits_r1",
        "predictions": [
            {"label": "7", "score": 0.9},
            {"label": "1", "score": 0.06},
            {"label": "9", "score": 0.04},
        ],
    }
    assert sum(map(len, rig.triton.asked)) == 11


async def test_as_many_labels_come_as_were_asked_for(rig: Rig) -> None:
    (told,) = await rig.answers(b"picture", terms=JobTerms(top_k=1))

    assert [it["label"] for it in told["predictions"]] == ["7"]


async def test_bad_items_are_refused_in_their_places(rig: Rig) -> None:
    told = await rig.answers(b"picture", b"bad", b"", b"x" * 101, b"picture")

    assert codes(told) == ["", "undecodable_image", "empty_body", "payload_too_large", ""]
    assert not any(b"" in asked or b"x" * 101 in asked for asked in rig.triton.asked)


async def test_what_was_too_large_to_be_kept_is_refused_with_its_size(rig: Rig) -> None:
    await rig.shelf.put("job1", 2, pack_items([JobItem("a.png", b"", omitted_bytes=5000)]))

    (told,) = lines(await rig.work.answers(claim(1)))

    assert told["error"]["code"] == "payload_too_large"
    assert "5000 bytes" in told["error"]["message"]


@pytest.mark.parametrize("failure", [InferenceTimeout, InferenceFailed])
async def test_an_item_that_fails_whatever_is_done_costs_its_neighbours_nothing(
    rig: Rig, failure: type[Exception]
) -> None:
    def fail(items: Sequence[bytes]) -> None:
        if b"poison" in items:
            raise failure("it takes too long")

    rig.triton.before = fail
    told = await rig.answers(*[b"picture"] * 6, b"poison", *[b"picture"] * 3)

    assert [place for place, code in enumerate(codes(told)) if code] == [6]
    assert told[6]["error"]["code"] in {"inference_timeout", "inference_failed"}
    assert rig.triton.asked.count([b"poison"]) == 3


async def test_a_release_that_answers_nothing_is_not_every_items_fault(rig: Rig) -> None:
    def broken(_items: Sequence[bytes]) -> None:
        raise InferenceFailed("the card is gone")

    rig.triton.before = broken
    with pytest.raises(ReleaseFails, match="the card is gone"):
        await rig.answers(b"picture", b"", *[b"picture"] * 8)

    (told,) = await rig.answers(b"picture")
    assert told["error"]["code"] == "inference_failed"


async def test_nobody_there_is_nobodys_items_fault(rig: Rig) -> None:
    def away(_items: Sequence[bytes]) -> None:
        raise InferenceUnavailable("nobody is there")

    rig.triton.before = away
    with pytest.raises(InferenceUnavailable):
        await rig.answers(*[b"picture"] * 20)

    assert len(rig.triton.asked) <= 2


async def test_a_chunk_goes_on_where_an_earlier_try_of_it_ended(rig: Rig) -> None:
    """Where many calls are rejected, a chunk that began anew would never be done."""
    calls = 0

    def reject_every_third(_items: Sequence[bytes]) -> None:
        nonlocal calls
        calls += 1
        if calls % 3 == 0:
            raise InferenceUnavailable("the queue is full")

    rig.triton.before = reject_every_third
    for _ in range(30):
        with contextlib.suppress(InferenceUnavailable):
            told = await rig.answers(*(bytes([65 + number]) for number in range(40)))
            break

    assert codes(told) == [""] * 40


async def test_what_another_release_answered_before_a_rollout_is_asked_again(rig: Rig) -> None:
    calls = 0

    def away(_items: Sequence[bytes]) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise InferenceUnavailable("nobody is there")

    rig.triton.before = away
    with pytest.raises(InferenceUnavailable):
        await rig.answers(*[b"picture"] * 20)
    rig.triton.asked.clear()
    rig.routes.target = replace(TARGET, release="digits_r2")

    told = await rig.answers(*[b"picture"] * 20)

    assert {it["release"] for it in told} == {"digits_r2"}
    assert sum(map(len, rig.triton.asked)) == 20


async def test_a_worker_that_ends_begins_no_further_call(rig: Rig) -> None:
    def stop(_items: Sequence[bytes]) -> None:
        rig.work.is_stopping = True

    rig.triton.before = stop
    with pytest.raises(Stopped):
        await rig.answers(*[b"picture"] * 20)

    assert len(rig.triton.asked) <= 2


async def test_items_that_are_gone_or_damaged_are_told(rig: Rig) -> None:
    with pytest.raises(ItemsMissing):
        await rig.work.answers(claim(1))
    await rig.shelf.put("job1", 2, b"something else")
    with pytest.raises(JobLost, match="damaged"):
        await rig.work.answers(claim(1))
    await rig.shelf.put("job1", 2, pack_items([JobItem("a", b"b")]))
    with pytest.raises(JobLost, match="number has changed"):
        await rig.work.answers(claim(2))


async def test_an_alias_that_does_something_else_by_now_ends_the_job(rig: Rig) -> None:
    rig.routes.target = Target("topics_r1", "f", Task.TEXT_CLASSIFICATION, 4, 3)

    with pytest.raises(JobLost, match="any more"):
        await rig.answers(b"picture")
