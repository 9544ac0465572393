"""Many at once: each has its own outcome, a limit is waited for, and whoever leaves ends it."""

from __future__ import annotations

import threading
import time
from contextlib import closing

from ui.calls.many_predictions import AT_ONCE, ask_many
from ui.errors import GatewayDown, GatewayProblem, RequestRefused


def refusal(status: int, retry_after_seconds: float | None = None) -> RequestRefused:
    return RequestRefused(
        status=status,
        code="no",
        message="No.",
        request_id="req-9",
        retry_after_seconds=retry_after_seconds,
    )


def outcomes_of(ask: object, items: dict[int, str]) -> dict[int, object]:
    assert callable(ask)
    found: dict[int, object] = {}
    for news in ask_many(ask, items):
        found.update(news.outcomes)
    return found


def test_each_item_gets_its_answer_or_its_problem_by_place() -> None:
    def ask(item: str) -> str:
        if item == "bad":
            raise refusal(422)
        return item.upper()

    found = outcomes_of(ask, {0: "a", 1: "bad", 7: "c"})

    assert found[0] == "A"
    assert found[7] == "C"
    assert isinstance(found[1], RequestRefused)


def test_a_problem_keeps_nothing_of_the_request_it_comes_from() -> None:
    def ask(item: str) -> str:
        try:
            return str(int(item))
        except ValueError as exc:
            raise GatewayDown("no connection") from exc

    problem = outcomes_of(ask, {0: "a"})[0]

    assert isinstance(problem, GatewayProblem)
    assert problem.__traceback__ is None
    assert problem.__cause__ is None
    assert problem.__context__ is None


def test_a_limit_in_the_middle_is_waited_for() -> None:
    refused = threading.Semaphore(3)

    def ask(item: str) -> str:
        if refused.acquire(blocking=False):
            raise refusal(429, 0.3)
        return item

    waits: list[float] = []
    found: dict[int, object] = {}
    began = time.monotonic()
    for news in ask_many(ask, dict.fromkeys(range(5), "a")):
        waits.append(news.waits_seconds)
        found.update(news.outcomes)

    assert set(found.values()) == {"a"}
    assert max(waits) > 0
    assert time.monotonic() - began >= 0.3


def test_a_limit_that_never_passes_is_an_outcome() -> None:
    def ask(_item: str) -> str:
        raise refusal(429)

    assert isinstance(outcomes_of(ask, {0: "a"})[0], RequestRefused)


def test_a_busy_service_is_asked_a_few_times() -> None:
    asked = []

    def ask(item: str) -> str:
        asked.append(item)
        raise refusal(503, 0.0)

    found = outcomes_of(ask, {0: "a"})

    assert isinstance(found[0], RequestRefused)
    assert len(asked) == 4


def test_closing_it_sends_nothing_more_and_waits_for_nobody() -> None:
    asked = []

    def ask(item: str) -> str:
        asked.append(item)
        raise refusal(429, 30.0)

    with closing(ask_many(ask, dict.fromkeys(range(100), "a"))) as all_news:
        next(all_news)
    began = time.monotonic()
    for thread in threading.enumerate():
        if thread.name.startswith("ask-many"):
            thread.join(5)

    assert time.monotonic() - began < 5
    assert len(asked) <= AT_ONCE


def test_a_gateway_that_asks_for_no_wait_is_not_asked_without_a_pause() -> None:
    asked = 0

    def ask(_item: str) -> str:
        nonlocal asked
        asked += 1
        raise refusal(429, 0.0)

    until = time.monotonic() + 1
    with closing(ask_many(ask, {0: "a"})) as all_news:
        while time.monotonic() < until:
            next(all_news)

    assert 1 < asked < 10
