"""How items become calls, and what a failing one does to the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from gateway.control_plane.api_key import Priority
from gateway.data_plane.admission.admission import Admission, AdmissionLimits
from gateway.data_plane.admission.ticket import Visitor
from gateway.data_plane.answer_cache import NoCache
from gateway.data_plane.prediction import Predictor
from gateway.data_plane.routing.target import Target
from gateway.data_plane.servers.inference_call import InferenceCall
from gateway.errors import InferenceFailed, InferenceTimeout
from gateway.request_context import RequestRecord, record
from python_backends.shared.contract import ItemAnswer, Status, Task

_TARGET = Target("digits_r1", "", Task.IMAGE_CLASSIFICATION, max_batch_size=8, top_k=1)


class _Echo:
    """Answers each item with itself as its label."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.cancelled = 0
        self.fails: Callable[[Sequence[bytes]], bool] = lambda _: False

    async def classify(
        self,
        call: InferenceCall,
        on_trouble: Callable[[], None],  # noqa: ARG002 - as Classifier says
    ) -> list[ItemAnswer]:
        assert (call.release, call.task, call.request_id) == ("digits_r1", _TARGET.task, "")
        assert call.traceparent is None
        assert 0 < call.seconds_left() <= 10
        self.batches.append([len(item) for item in call.items])
        try:
            await asyncio.sleep(0)
            if self.fails(call.items):
                raise InferenceFailed("no")
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return [ItemAnswer(Status.OK, (item[:2].decode(),), (1.0,)) for item in call.items]


async def _ask(echo: _Echo, items: list[bytes], *, seconds: float = 10) -> list[str]:
    record.set(RequestRecord())
    limits = AdmissionLimits(10, 1 << 30, 64, 3.0)
    predictor, admission = Predictor(echo, NoCache()), Admission(limits)
    visitor = Visitor(
        "key", "tenant", Priority.INTERACTIVE, None, timeout_seconds=seconds, has_asked_for_it=True
    )
    with admission.admit(visitor, _TARGET, 0) as ticket:
        answers = await predictor.answers(ticket, _TARGET, items)
    assert admission.admitted() == 0
    return [answer.labels[0] for answer in answers]


async def test_answers_come_in_the_order_of_the_items_however_many_calls_they_took() -> None:
    echo = _Echo()
    items = [f"{place:02d}".encode() for place in range(20)]
    assert await _ask(echo, items) == [item.decode() for item in items]
    assert sorted(map(len, echo.batches)) == [4, 8, 8]


async def test_large_items_are_sent_in_smaller_batches() -> None:
    echo = _Echo()
    sizes = [5, 5, 1, 9, 1, 1]  # MiB
    await _ask(echo, [b"xx" + bytes(size << 20) for size in sizes])
    sent = [[length >> 20 for length in batch] for batch in echo.batches]
    assert sorted(sent) == [[1, 1], [5], [5, 1], [9]]


async def test_one_call_that_fails_ends_the_others() -> None:
    echo = _Echo()
    echo.fails = lambda items: b"08" in items
    with pytest.raises(InferenceFailed):
        await _ask(echo, [f"{place:02d}".encode() for place in range(24)])
    await asyncio.sleep(0)
    assert echo.cancelled + len(echo.batches) >= 2


async def test_what_is_late_when_its_turn_comes_is_not_sent() -> None:
    echo = _Echo()
    with pytest.raises(InferenceTimeout):
        await _ask(echo, [b"00"], seconds=-1)
    assert echo.batches == []
