"""Whose items go to Triton together, when, and what each caller gets of the answer."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass, field

import pytest

from gateway.data_plane.servers.gathering import FailedTogether, Gathering
from gateway.data_plane.servers.inference_call import InferenceCall
from gateway.errors import InferenceFailed, InferenceTimeout
from python_backends.shared.contract import ItemAnswer, Status, Task

_LARGEST = 8
_who: ContextVar[str] = ContextVar("who")


@dataclass
class Request:
    """One that Triton works on until it is told what came of it."""

    call: InferenceCall
    seconds_left: float
    who: str
    outcome: asyncio.Future[None]


@dataclass
class SlowTriton:
    """Answers each item with itself as its label."""

    requests: list[Request] = field(default_factory=list)

    async def classify(self, call: InferenceCall) -> list[ItemAnswer]:
        outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.requests.append(Request(call, call.seconds_left(), _who.get("nobody"), outcome))
        await outcome
        return [ItemAnswer(Status.OK, (item.decode(),), (1.0,)) for item in call.items]

    @property
    def sizes(self) -> list[int]:
        return [len(request.call.items) for request in self.requests]


class Callers:
    """Ask about items that are named after them."""

    def __init__(self) -> None:
        self.triton = SlowTriton()
        self._gathering = Gathering(self.triton)

    async def ask(
        self, *names: str, release: str = "digits_r1", seconds: float = 5.0, size: int = 0
    ) -> asyncio.Task[list[ItemAnswer]]:
        """One caller, who waits by the time that this returns."""
        _who.set(names[0])
        deadline = asyncio.get_running_loop().time() + seconds
        items = [name.encode().ljust(size) for name in names]
        call = InferenceCall(
            release, Task.IMAGE_CLASSIFICATION, items, f"id of {names[0]}", deadline
        )
        task = asyncio.create_task(self._gathering.classify(call, _LARGEST))
        await settled()
        return task

    async def answer(self, place: int, exc: Exception | None = None) -> None:
        outcome = self.triton.requests[place].outcome
        outcome.set_exception(exc) if exc else outcome.set_result(None)
        await settled()


async def settled() -> None:
    """Everything that can go on without Triton has done so."""
    for _ in range(10):
        await asyncio.sleep(0)


async def _labels(task: asyncio.Task[list[ItemAnswer]]) -> list[str]:
    return [answer.labels[0].strip() for answer in await task]


@pytest.fixture
def callers() -> Callers:
    return Callers()


async def test_a_lone_caller_is_sent_at_once(callers: Callers) -> None:
    task = await callers.ask("a")
    assert callers.triton.sizes == [1]
    await callers.answer(0)
    assert await _labels(task) == ["a"]


async def test_what_comes_while_triton_is_busy_goes_together_and_each_gets_its_own(
    callers: Callers,
) -> None:
    tasks = [await callers.ask(name) for name in "abcdefg"]
    assert callers.triton.sizes == [1, 1, 1]  # no more than three are on their way
    await callers.answer(1)
    assert callers.triton.sizes == [1, 1, 1, 4]
    await callers.answer(3)
    await callers.answer(0)
    await callers.answer(2)
    assert [await _labels(task) for task in tasks] == [[name] for name in "abcdefg"]


async def test_it_waits_for_as_many_as_the_smallest_request_on_its_way_has(
    callers: Callers,
) -> None:
    for name in "abcdef":
        await callers.ask(name)
    await callers.answer(0)  # d, e and f go
    await callers.answer(1)
    await callers.answer(2)
    assert callers.triton.sizes == [1, 1, 1, 3]
    await callers.ask("g")
    await callers.ask("h")
    assert callers.triton.sizes == [1, 1, 1, 3]
    await callers.ask("i")
    assert callers.triton.sizes == [1, 1, 1, 3, 3]


async def test_who_waits_is_sent_when_nothing_is_on_its_way_any_more(callers: Callers) -> None:
    for name in "abcdef":
        await callers.ask(name)
    for place in (0, 1, 2):
        await callers.answer(place)
    task = await callers.ask("g")
    await callers.answer(3)
    assert callers.triton.sizes == [1, 1, 1, 3, 1]
    await callers.answer(4)
    assert await _labels(task) == ["g"]


async def test_a_request_has_no_more_items_than_the_release_takes(callers: Callers) -> None:
    for name in "abc":
        await callers.ask(name)
    large = [await callers.ask(*(f"{name}{number}" for number in range(3))) for name in "defg"]
    await callers.answer(0)
    await callers.answer(1)
    assert callers.triton.sizes == [1, 1, 1, 6, 6]
    await callers.answer(3)
    await callers.answer(4)
    assert await _labels(large[1]) == ["e0", "e1", "e2"]
    assert await _labels(large[3]) == ["g0", "g1", "g2"]


async def test_a_request_has_no_more_bytes_than_may_be_copied_at_once(callers: Callers) -> None:
    for name in "abc":
        await callers.ask(name)
    for name in "def":
        await callers.ask(name, size=3 * 1024 * 1024)
    await callers.answer(0)
    assert callers.triton.sizes == [1, 1, 1, 2]


async def test_releases_do_not_wait_for_each_other(callers: Callers) -> None:
    for name in "abcd":
        await callers.ask(name)
    await callers.ask("e", release="letters_r1")
    assert callers.triton.sizes == [1, 1, 1, 1]
    assert callers.triton.requests[-1].call.items == [b"e"]


async def test_a_failure_meets_all_in_the_request_and_all_who_wait_behind_it(
    callers: Callers,
) -> None:
    others = [await callers.ask(name) for name in "ab"]
    tasks = [await callers.ask(name) for name in "cde"]
    await callers.answer(2, InferenceFailed("a stub died"))
    for task in tasks:
        with pytest.raises(FailedTogether, match="a stub died"):
            await task
    assert callers.triton.sizes == [1, 1, 1]  # who waited was not sent after it
    assert not any(task.done() for task in others)
    await callers.ask("f")
    assert callers.triton.sizes == [1, 1, 1, 1]


async def test_a_failure_of_one_caller_is_nobody_elses(callers: Callers) -> None:
    task = await callers.ask("a")
    await callers.answer(0, InferenceFailed("no such thing"))
    with pytest.raises(InferenceFailed, match="no such thing") as caught:
        await task
    assert not isinstance(caught.value, FailedTogether)


async def test_a_timeout_is_no_reason_to_fail_who_waits(callers: Callers) -> None:
    for name in "abc":
        await callers.ask(name)
    task = await callers.ask("d")
    await callers.answer(0, InferenceTimeout("too late"))
    assert callers.triton.sizes == [1, 1, 1, 1]
    await callers.answer(3)
    assert await _labels(task) == ["d"]


async def test_who_has_no_time_left_is_not_sent(callers: Callers) -> None:
    for name in "abc":
        await callers.ask(name)
    late = await callers.ask("d", seconds=0.0)
    await callers.ask("e")
    await callers.answer(0)
    assert callers.triton.requests[-1].call.items == [b"e"]
    with pytest.raises(InferenceTimeout):
        await late


async def test_who_waits_no_longer_is_not_sent(callers: Callers) -> None:
    for name in "abc":
        await callers.ask(name)
    gone = await callers.ask("d")
    await callers.ask("e")
    gone.cancel()
    await settled()
    await callers.answer(0)
    assert callers.triton.requests[-1].call.items == [b"e"]


async def test_who_goes_away_later_does_not_disturb_the_others(callers: Callers) -> None:
    for name in "abc":
        await callers.ask(name)
    gone, stays = await callers.ask("d"), await callers.ask("e")
    await callers.answer(0)
    gone.cancel()
    await settled()
    await callers.answer(3)
    assert await _labels(stays) == ["e"]


async def test_a_request_has_the_time_of_its_most_patient_caller(callers: Callers) -> None:
    for name in "abc":
        await callers.ask(name)
    await callers.ask("d", seconds=1.0)
    await callers.ask("e", seconds=30.0)
    await callers.answer(0)
    assert 29 < callers.triton.requests[-1].seconds_left <= 30


async def test_a_request_is_logged_as_its_first_callers(callers: Callers) -> None:
    for name in "abcde":
        await callers.ask(name)
    await callers.answer(1)
    request = callers.triton.requests[-1]
    assert (request.call.request_id, request.who) == ("id of d", "d")


async def test_each_failure_is_the_callers_to_handle(callers: Callers) -> None:
    task = await callers.ask("a")
    await callers.answer(0, ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        await task
