"""One chunk from the storage to its answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from gateway.data_plane.item_outcomes import Answered, item_outcome, refuse_unasked
from gateway.data_plane.prediction import Classifier
from gateway.data_plane.routing.route_book import Choice
from gateway.data_plane.routing.target import Target
from gateway.data_plane.servers.inference_call import InferenceCall
from gateway.errors import (
    ContractMismatch,
    GatewayError,
    InferenceError,
    InferenceFailed,
    InferenceTimeout,
    InvalidRequest,
    PayloadTooLarge,
)
from gateway.jobs.chunk_store import ChunkAnswers
from gateway.jobs.job import Chunk, Claim, Job
from gateway.jobs.payload import DamagedPayload, ItemReference, JobItem, ReferencedItems, unpack
from gateway.jobs.payload_shelf import PayloadShelf
from gateway.jobs.runner.answer_lines import recorded
from gateway.jobs.runner.sources import Sources
from gateway.jobs.runner.spare_capacity import SpareCapacity
from gateway.request_context import RequestRecord, record, request_id

_DEFAULT_TOP_K: Final = 5
CALL_SECONDS: Final = 60.0
# What fails so often when it is asked about alone is answered with its failure.
_TRIES_ALONE: Final = 3
_LANES: Final = 2
_READS_AT_ONCE: Final = 8
_MOST_UNFINISHED: Final = 64
# A failure of the call, and perhaps of one item in it; everything else is the server's.
_PERHAPS_AN_ITEMS: Final = (InferenceTimeout, InferenceFailed, ContractMismatch)

Outcome = Answered | GatewayError


class JobLost(Exception):
    """The job cannot be answered, whoever tries."""


class ItemsMissing(Exception):
    """The storage has no such items; it may be another one for the moment, or not mounted."""


class ReleaseFails(Exception):
    """No item of a chunk was answered: that is the release's fault, not that of all the items."""


class Stopped(Exception):
    """The worker ends: somebody else is to do it."""


class Routes(Protocol):
    """What is needed of the RouteBook."""

    def choose(self, name: str, header_key: str | None, key_id: str) -> Choice:
        """Say which release answers."""


class ChunkWork:
    """Answers chunks, one after the other or several at once.

    Args:
        shelf: Has their items.
        sources: Have those that lie elsewhere.
        routes: Know what a job's name means now.
        triton: Answers.
        spare: Lets calls be made, by target.
        max_image_bytes: Of one image; a larger one is refused unasked.
    """

    def __init__(
        self,
        shelf: PayloadShelf,
        sources: Sources,
        routes: Routes,
        triton: Classifier,
        spare: Callable[[Target], SpareCapacity],
        *,
        max_image_bytes: int,
    ) -> None:
        self._shelf = shelf
        self._sources = sources
        self._routes = routes
        self._triton = triton
        self._spare = spare
        self._max_image_bytes = max_image_bytes
        self._unfinished: dict[Chunk, _Unfinished] = {}
        self.is_stopping = False

    async def answers(self, claim: Claim) -> ChunkAnswers:
        """Answer the items of a chunk; to be called in a task of its own.

        Raises:
            JobLost: its items are damaged, or its name means something else.
            ItemsMissing: its items are not there.
            ReleaseFails: its release answers nothing.
            Stopped: this worker ends.
            StorageUnavailable: its items cannot be read now.
            UnknownAlias: nothing has its name now.
            InferenceError: nobody answers now.
            RateLimited: its key has done too much harm just now.
        """
        job, chunk = claim.job, claim.chunk
        record.set(RequestRecord(key_id=job.key_id, tenant=job.tenant, alias=job.name))
        request_id.set(f"{job.id}-{chunk.number}")
        items = await self._items(claim)
        target = self._target(job)
        answering = _Answering(target, min(job.terms.top_k or _DEFAULT_TOP_K, target.top_k), items)
        answering.refuse_unasked(self._max_image_bytes)
        before = self._unfinished.pop(chunk, None)
        if before and before.release == target.release:
            answering.go_on_from(before.outcomes)
        lanes = [self._lane(answering) for _ in range(_LANES)]
        # Nothing is cancelled: a lane that fails leaves the other one nothing to begin with.
        for trouble in await asyncio.gather(*lanes, return_exceptions=True):
            if trouble:
                self._keep_for_later(chunk, _Unfinished(target.release, answering.by_place))
                raise trouble
        if trouble := answering.only_trouble():
            raise ReleaseFails(f"{target.release} answers nothing: {trouble}") from trouble
        names = [item.name for item in items]
        return recorded(chunk.first, names, answering.outcomes(), target.release)

    def _keep_for_later(self, chunk: Chunk, unfinished: _Unfinished) -> None:
        # Where one call in fifty fails, a chunk of many calls would begin anew for ever.
        self._unfinished[chunk] = unfinished
        while len(self._unfinished) > _MOST_UNFINISHED:
            del self._unfinished[next(iter(self._unfinished))]

    async def _items(self, claim: Claim) -> Sequence[JobItem]:
        job, chunk = claim.job, claim.chunk
        try:
            items = unpack(await self._shelf.get(job.id, chunk.number))
        except FileNotFoundError as exc:
            raise ItemsMissing("its items are gone from the storage") from exc
        except DamagedPayload as exc:
            raise JobLost(f"its items are damaged in the storage: {exc}") from exc
        if isinstance(items, ReferencedItems):
            items = await self._fetched(items)
        if len(items) != chunk.items:
            raise JobLost("its items are damaged in the storage: their number has changed")
        return items

    async def _fetched(self, referenced: ReferencedItems) -> Sequence[JobItem]:
        few = asyncio.Semaphore(_READS_AT_ONCE)

        async def fetch(it: ItemReference) -> JobItem:
            if it.size_bytes > self._max_image_bytes:
                return JobItem(it.path, b"", it.size_bytes)
            async with few:
                # One that has gone meanwhile is empty, and refused as such.
                return JobItem(it.path, await self._sources.read(referenced.source, it.path) or b"")

        try:
            return await asyncio.gather(*map(fetch, referenced.items))
        except KeyError as exc:
            raise JobLost(f"the source {referenced.source!r} is not allowed any more") from exc

    def _target(self, job: Job) -> Target:
        target = self._routes.choose(job.name, job.id, job.key_id).target
        if target.task is not job.task:
            raise JobLost(f"{job.name!r} does not do {job.task.value} any more")
        return target

    async def _lane(self, answering: _Answering) -> None:
        """Ask about what is left, a call at a time, until nothing is."""
        try:
            while answering.is_unfinished:
                async with self._spare(answering.target).turn() as turn:
                    self._check_goes_on()
                    places = answering.take(turn.most)
                    turn.sent = len(places)
                    if places:
                        answering.note(places, await self._ask(answering, places))
        except BaseException:
            answering.give_up()
            raise

    def _check_goes_on(self) -> None:
        if self.is_stopping:
            raise Stopped

    async def _ask(self, answering: _Answering, places: Sequence[int]) -> Sequence[Outcome]:
        try:
            return await self._asked(answering, places)
        except _PERHAPS_AN_ITEMS:
            return [await self._asked_alone(answering, place) for place in places]

    async def _asked_alone(self, answering: _Answering, place: int) -> Outcome:
        for _ in range(_TRIES_ALONE):
            self._check_goes_on()
            try:
                (outcome,) = await self._asked(answering, [place])
            except _PERHAPS_AN_ITEMS as exc:
                trouble: GatewayError = exc
            else:
                return outcome
        return trouble

    async def _asked(self, answering: _Answering, places: Sequence[int]) -> Sequence[Outcome]:
        target = answering.target
        call = InferenceCall(
            target.release,
            target.task,
            [answering.items[place].content for place in places],
            request_id=request_id.get(),
            deadline=asyncio.get_running_loop().time() + CALL_SECONDS,
            goes_alone=True,
        )
        answers = await self._triton.classify(call, lambda: None)
        return [item_outcome(target.task, answer, answering.top_k) for answer in answers]


class _Unfinished(NamedTuple):
    """What is known of a chunk that could not be answered to its end."""

    release: str
    outcomes: Mapping[int, Outcome]


class _Answering:
    """The items of a chunk, and what became of them so far."""

    def __init__(self, target: Target, top_k: int, items: Sequence[JobItem]) -> None:
        self.target = target
        self.top_k = top_k
        self.items = items
        self.by_place: dict[int, Outcome] = {}
        self._to_ask = list(range(len(items) - 1, -1, -1))

    @property
    def is_unfinished(self) -> bool:
        """Whether there are items that nobody has asked about."""
        return bool(self._to_ask)

    def refuse_unasked(self, max_image_bytes: int) -> None:
        """Refuse what is not worth asking about."""
        for place, item in enumerate(self.items):
            refusal = refuse_unasked(self.target.task, item.content, max_image_bytes)
            if item.omitted_bytes:
                refusal = PayloadTooLarge(
                    f"the file has {item.omitted_bytes} bytes; that is more than is accepted"
                )
            if refusal:
                self.by_place[place] = refusal
        self._to_ask = [place for place in self._to_ask if place not in self.by_place]

    def go_on_from(self, outcomes: Mapping[int, Outcome]) -> None:
        """Take over what an earlier try has found out."""
        self.by_place.update(outcomes)
        self._to_ask = [place for place in self._to_ask if place not in self.by_place]

    def take(self, most: int) -> Sequence[int]:
        """Take out places of items to ask about, in their order."""
        return [self._to_ask.pop() for _ in range(min(most, len(self._to_ask)))]

    def note(self, places: Sequence[int], outcomes: Sequence[Outcome]) -> None:
        """Remember what became of some."""
        self.by_place.update(zip(places, outcomes, strict=True))

    def give_up(self) -> None:
        """Leave nothing to ask about."""
        self._to_ask.clear()

    def only_trouble(self) -> InferenceError | None:
        """A failure, where every one of several items that were asked about has failed."""
        asked = [it for it in self.by_place.values() if not isinstance(it, InvalidRequest)]
        failed = [it for it in asked if isinstance(it, InferenceError)]
        return failed[0] if 1 < len(failed) == len(asked) else None

    def outcomes(self) -> Sequence[Outcome]:
        """What became of each item, in their order."""
        return [self.by_place[place] for place in range(len(self.items))]
