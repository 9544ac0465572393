"""What becomes of a request that Triton does not take, and who follows a route."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import grpc
import httpx
import pytest

from tests.fakes.fake_triton import FakeTriton
from tests.unit.triptych.client.direct_rig import (
    NUMBERS,
    Refusing,
    answering,
    direct,
    label,
    releases,
)
from tests.unit.triptych.client.fake_gateway import FakeRoutes, route_body
from tests.unit.triptych.waiting import wait_until
from triptych.client import (
    Refused,
    ServerFailed,
    TimedOut,
    Unavailable,
)

FIRST = route_body(("digits_r1", 100), revision=1)
SECOND = route_body(("digits_r2", 100), revision=2)
ALL = [number.decode() for number in NUMBERS]


@pytest.fixture
def triton() -> Iterator[FakeTriton]:
    with answering() as fake:
        yield fake


def test_what_is_sent_after_a_change_goes_to_the_new_release_and_nothing_is_lost(
    triton: FakeTriton,
) -> None:
    routes = FakeRoutes(FIRST)

    with direct(routes, triton, max_in_flight=1, batch_size=1) as client:
        results = client.classify(NUMBERS)
        labels = [label(next(results))]
        routes.body = SECOND
        while client.route.route.revision == 1:
            labels.append(label(next(results))) if len(labels) < 20 else None
        sent_before = len(triton.asked)
        labels += [label(result) for result in results]

    assert labels == ALL
    assert set(releases(triton)[:sent_before]) == {"digits_r1"}
    assert set(releases(triton)[sent_before:]) == {"digits_r2"}


def test_a_request_that_waited_for_room_goes_where_the_route_points_by_then(
    triton: FakeTriton,
) -> None:
    routes = FakeRoutes(FIRST)
    triton.may_answer.clear()

    with (
        direct(routes, triton, max_in_flight=1, batch_size=1) as client,
        ThreadPoolExecutor(1) as reader,
    ):
        results = reader.submit(lambda: list(client.classify(NUMBERS[:3])))
        wait_until(lambda: len(triton.asked) == 1)
        routes.body = SECOND
        wait_until(lambda: client.route.route.revision == 2)
        triton.may_answer.set()
        told = [(it.release, label(it)) for it in results.result()]

    assert told == [("digits_r1", ALL[0]), ("digits_r2", ALL[1]), ("digits_r2", ALL[2])]


def test_a_release_that_was_just_unloaded_is_asked_for_under_the_new_route(
    triton: FakeTriton,
) -> None:
    routes = FakeRoutes(FIRST)
    triton.judge = Refusing(grpc.StatusCode.NOT_FOUND, 1000, release="digits_r1")

    with direct(routes, triton) as client:
        routes.body = SECOND
        results = list(client.classify(NUMBERS))

    assert [label(result) for result in results] == ALL
    assert {result.release for result in results} == {"digits_r2"}


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.NOT_FOUND])
def test_what_one_triton_does_not_take_another_answers(
    triton: FakeTriton, code: grpc.StatusCode
) -> None:
    triton.judge = Refusing(code, 1000)

    with (
        answering() as other,
        direct(FakeRoutes(FIRST), triton, other, batch_size=1, max_in_flight=2) as client,
    ):
        assert [label(result) for result in client.classify(NUMBERS)] == ALL
        # The one that refuses always has the fewest in flight, and is left alone for a moment: it
        # gets what was on its way before that was noticed, not half of all.
        assert len(triton.asked) <= 6


def test_a_triton_that_is_gone_costs_nothing_while_another_is_there(triton: FakeTriton) -> None:
    gone = FakeTriton(address="127.0.0.1:1")

    with direct(FakeRoutes(FIRST), gone, triton, batch_size=1) as client:
        assert [label(result) for result in client.classify(NUMBERS)] == ALL


def test_a_full_queue_of_the_only_triton_is_tried_once_more(triton: FakeTriton) -> None:
    triton.judge = Refusing(grpc.StatusCode.UNAVAILABLE, 1)

    with direct(FakeRoutes(FIRST), triton) as client:
        answer = client.classify_one(b"7")

    assert answer.label == "7"
    assert len(triton.asked) == 2
    assert answer.timing.triton_ms < answer.timing.total_ms


def test_a_request_is_never_sent_a_third_time(triton: FakeTriton) -> None:
    triton.refusal = (grpc.StatusCode.UNAVAILABLE, "full")

    with (
        direct(FakeRoutes(FIRST), triton) as client,
        pytest.raises(Unavailable, match=r"^digits_r1: UNAVAILABLE: full$") as caught,
    ):
        client.classify_one(b"7")

    assert caught.value.code == "inference_unavailable"
    assert len(triton.asked) == 2


def test_where_nobody_has_the_release_patience_ends(triton: FakeTriton) -> None:
    triton.refusal = (grpc.StatusCode.NOT_FOUND, "no such model")
    triton.unready = {"digits_r1"}

    with (
        direct(FakeRoutes(FIRST), triton, patience_seconds=0.2) as client,
        pytest.raises(Unavailable, match="NOT_FOUND"),
    ):
        client.classify_one(b"7")

    assert len(triton.asked) == 1


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (grpc.StatusCode.INTERNAL, "inference_failed"),
        (grpc.StatusCode.INVALID_ARGUMENT, "contract_mismatch"),
    ],
)
def test_what_may_have_killed_a_stub_is_not_sent_again(
    triton: FakeTriton, code: grpc.StatusCode, said: str
) -> None:
    triton.refusal = (code, "stub is not healthy")

    with (
        answering() as other,
        direct(FakeRoutes(FIRST), triton) as client,
        pytest.raises(ServerFailed) as caught,
    ):
        client.classify_one(b"7")

    assert caught.value.code == said
    assert (len(triton.asked), len(other.asked)) == (1, 0)


def test_an_answer_against_the_contract_is_the_servers_failure(triton: FakeTriton) -> None:
    triton.spoil = lambda response: response.raw_output_contents.pop()

    with direct(FakeRoutes(FIRST), triton) as client, pytest.raises(ServerFailed) as caught:
        client.classify_one(b"7")

    assert caught.value.code == "contract_mismatch"


def test_who_waits_too_long_leaves_and_the_call_is_not_cancelled(triton: FakeTriton) -> None:
    was_held: list[bool] = []
    triton.judge = lambda _: was_held.append(triton.may_answer.is_set())
    triton.may_answer.clear()

    with direct(FakeRoutes(FIRST), triton, timeout_seconds=0.3) as client:
        with pytest.raises(TimedOut) as caught:
            client.classify_one(b"7")
        triton.may_answer.set()
        assert client.classify_one(b"8").label == "8"

    assert caught.value.code == "inference_timeout"
    assert was_held == [True, True]  # a cancelled one would have been let go before


def test_a_request_that_finds_no_room_in_time_is_not_sent(triton: FakeTriton) -> None:
    triton.may_answer.clear()

    with direct(FakeRoutes(FIRST), triton, timeout_seconds=0.2, max_in_flight=1) as client:
        for _ in range(2):
            with pytest.raises(TimedOut):
                client.classify_one(b"7")
        assert len(triton.asked) == 1
        triton.may_answer.set()


def test_an_error_comes_in_its_place_after_what_was_answered_before_it(triton: FakeTriton) -> None:
    def judge(request: object) -> tuple[grpc.StatusCode, str] | None:
        is_second = b"5" in getattr(request, "raw_input_contents")[0]  # noqa: B009 - protobuf has no types
        return (grpc.StatusCode.INTERNAL, "broke") if is_second else None

    triton.judge = judge

    with direct(FakeRoutes(FIRST), triton) as client:
        results = client.classify(NUMBERS[:12])
        assert [label(next(results)) for _ in range(4)] == ["0", "1", "2", "3"]
        with pytest.raises(ServerFailed):
            next(results)


def test_a_key_that_is_no_good_any_more_stops_the_client(triton: FakeTriton) -> None:
    routes = FakeRoutes(FIRST)

    with direct(routes, triton) as client:
        assert client.classify_one(b"7").label == "7"
        routes.outage = httpx.Response(401)
        endless = client.classify(repeat(b"7"))
        with pytest.raises(Refused) as caught:
            deque(endless, maxlen=0)

    assert caught.value.status == 401


def test_the_last_route_serves_while_the_gateway_is_away(triton: FakeTriton) -> None:
    routes = FakeRoutes(FIRST)

    with direct(routes, triton) as client:
        routes.outage = httpx.ConnectError("refused")
        while client.route_age_seconds < 0.7:  # it was asked for meanwhile
            assert client.classify_one(b"7").label == "7"
