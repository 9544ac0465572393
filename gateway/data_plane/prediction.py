"""From items to answers: batches that Triton takes, each in its turn, and time for each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from time import perf_counter_ns
from typing import Any, Final, Protocol

from gateway.data_plane.admission.ticket import Ticket
from gateway.data_plane.answer_cache import AnswerSource
from gateway.data_plane.prepared_image import PREPROCESS
from gateway.data_plane.routing.target import Target
from gateway.data_plane.servers.inference_call import InferenceCall
from gateway.errors import InferenceTimeout
from gateway.request_context import record, request_id
from python_backends.shared.contract import ItemAnswer

# A call is copied several times on its way, and nothing else runs meanwhile.
_MOST_BYTES_OF_A_CALL: Final = 8 * 1024 * 1024


class Classifier(Protocol):
    """What a predictor needs of the servers."""

    async def classify(
        self, call: InferenceCall, on_trouble: Callable[[], None]
    ) -> list[ItemAnswer]:
        """Answer one batch; see Dispatch."""


class Predictor:
    """Asks Triton, in batches of the size that it takes."""

    def __init__(self, triton: Classifier, cache: AnswerSource) -> None:
        self._triton = triton
        self._cache = cache
        self._calls: set[asyncio.Task[list[ItemAnswer]]] = set()

    async def answers(
        self, ticket: Ticket, target: Target, items: Sequence[bytes]
    ) -> Sequence[ItemAnswer]:
        """Classify images or texts.

        Args:
            ticket: Of a request that was admitted.
            target: Who is asked.
            items: Encoded images or UTF-8 texts, one or more.

        Returns:
            One answer per item, in order.

        Raises:
            InferenceError: Triton did not answer all of them.
        """
        # Who joined somebody else's call has a deadline of their own all the same.
        async with _until(ticket.deadline):
            answers, outcome = await self._cache.answers(
                ticket.visitor.tenant,
                target.release,
                target.fingerprint,
                target.task,
                items=items,
                ask=partial(self._ask_all, ticket, target),
            )
        record.get().cache = outcome.cache_status or ""
        return answers

    async def prepared(self, ticket: Ticket, target: Target, image: bytes) -> ItemAnswer:
        """Have the preprocess step prepare an image; no answer of it is kept.

        Returns:
            A PreparedImage, or a refusal.

        Raises:
            InferenceError: Triton did not answer.
        """
        record.get().step = PREPROCESS
        async with _until(ticket.deadline):
            (answer,) = await self._ask(ticket, target, [image], step=PREPROCESS)
        return answer

    async def _ask_all(
        self, ticket: Ticket, target: Target, items: Sequence[bytes]
    ) -> list[ItemAnswer]:
        batches = list(batches_of(items, target.max_batch_size))
        if len(batches) == 1:
            return await self._ask(ticket, target, items)
        calls = [asyncio.ensure_future(self._ask(ticket, target, batch)) for batch in batches]
        try:
            answered = await asyncio.gather(*calls)
        finally:
            for call in calls:  # one failed, or nobody waits any more
                call.cancel()
        return [answer for answers in answered for answer in answers]

    async def _ask(
        self, ticket: Ticket, target: Target, items: Sequence[bytes], *, step: str = ""
    ) -> list[ItemAnswer]:
        """Ask, and wait until nobody waits any more; what was sent goes on.

        Triton works on all the same, so the place is kept until it is done; and a call that is
        cancelled can end the whole server (docs/adr/0015).
        """
        call = _Call(partial(self._call, ticket, target, items, step=step))
        self._calls.add(call.task)
        call.task.add_done_callback(self._forget)
        try:
            return await asyncio.shield(call.task)
        finally:
            if call.sent_ns:
                record.get().triton_ended(call.sent_ns)
            else:
                call.task.cancel()

    def _forget(self, task: asyncio.Task[list[ItemAnswer]]) -> None:
        self._calls.discard(task)
        if not task.cancelled():
            task.exception()  # seen, also when nobody waits any more

    async def _call(
        self, ticket: Ticket, target: Target, items: Sequence[bytes], call: _Call, *, step: str
    ) -> list[ItemAnswer]:
        known, joined_ns = record.get(), perf_counter_ns()
        async with ticket.turn(len(items), sum(map(len, items))) as turn:
            known.queue_ended(joined_ns)
            asked = InferenceCall(
                target.release,
                target.task,
                items,
                request_id=request_id.get(),
                deadline=ticket.deadline,
                traceparent=known.traceparent,
                goes_alone=bool(step),
                step=step,
            )
            if step:
                turn.spoil()  # the limit goes by the time that the whole takes
            asked.seconds_left()
            call.sent_ns = perf_counter_ns()
            return await self._triton.classify(asked, turn.spoil)


@asynccontextmanager
async def _until(deadline: float) -> AsyncIterator[None]:
    """Do something in time.

    Raises:
        InferenceTimeout: it took longer.
    """
    try:
        async with asyncio.timeout_at(deadline):
            yield
    except TimeoutError as exc:
        was_sent = record.get().triton_calls
        before = "Triton answered" if was_sent else "it was this request's turn"
        raise InferenceTimeout(f"the deadline passed before {before}") from exc


class _Call:
    """One call in a task of its own, so that it outlives whoever waits for it."""

    def __init__(self, work: Callable[[_Call], Coroutine[Any, Any, list[ItemAnswer]]]) -> None:
        self.sent_ns = 0  # 0 until it is on its way
        self.task = asyncio.create_task(work(self))


def batches_of(items: Sequence[bytes], max_batch_size: int) -> Iterator[Sequence[bytes]]:
    """As many as Triton takes at once, and no more bytes than may be copied at once."""
    first = size_bytes = 0
    for place, item in enumerate(items):
        is_full = place - first == max_batch_size
        if is_full or (place > first and size_bytes + len(item) > _MOST_BYTES_OF_A_CALL):
            yield items[first:place]
            first, size_bytes = place, 0
        size_bytes += len(item)
    yield items[first:]
