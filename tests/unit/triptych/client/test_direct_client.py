from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from python_backends.shared.contract import Status, encode_bytes_tensor
from tests.fakes.fake_triton import FakeTriton, ranked, refused
from tests.unit.triptych.client.direct_rig import NUMBERS, answering, direct, label, sizes
from tests.unit.triptych.client.fake_gateway import FakeRoutes, route_body
from triptych.client import DirectClient, Prediction, Refused, RefusedItem, Unavailable
from triptych.routing import Route, choose_arm

ROUTE = route_body(("digits_r1", 100), revision=3)


@pytest.fixture
def triton() -> Iterator[FakeTriton]:
    with answering() as fake:
        yield fake


def test_many_items_travel_in_full_requests_and_are_answered_in_order(triton: FakeTriton) -> None:
    with direct(FakeRoutes(ROUTE), triton) as client:
        results = list(client.classify(NUMBERS[:10]))

    assert [label(result) for result in results] == [number.decode() for number in NUMBERS[:10]]
    assert sorted(sizes(triton)) == [2, 4, 4]
    first = results[0]
    assert isinstance(first, Prediction)
    assert (first.alias, first.release, first.arm, first.revision) == (
        "digits",
        "digits_r1",
        "digits_r1",
        3,
    )
    assert first.request_id in {request.id for request in triton.asked}
    assert 0 < first.timing.triton_ms <= first.timing.total_ms


def test_the_queue_of_triton_is_told_how_long_somebody_waits(triton: FakeTriton) -> None:
    with direct(FakeRoutes(ROUTE), triton, timeout_seconds=5.0) as client:
        client.classify_one(b"7")

    (request,) = triton.asked
    assert 4_000_000 < request.parameters["timeout"].int64_param <= 5_000_000


def test_each_state_of_an_item_is_a_typed_result_in_its_place(triton: FakeTriton) -> None:
    triton.answers |= {
        b"long": ranked("7", "1", status=Status.TRUNCATED),
        b"huge": refused(Status.TOO_LARGE),
        b"fatal": refused(Status.HARMFUL),
    }

    with direct(FakeRoutes(ROUTE), triton) as client:
        long, broken, huge, fatal, last = client.classify([b"long", b"?", b"huge", b"fatal", b"3"])

    assert isinstance(long, Prediction)
    assert long.is_truncated
    assert label(last) == "3"
    refusals = [it.code for it in (broken, huge, fatal) if isinstance(it, RefusedItem)]
    assert refusals == ["undecodable_image", "image_too_large", "harmful_input"]


def test_one_item_is_asked_at_once_and_a_refused_one_raises(triton: FakeTriton) -> None:
    triton.answers[b"many"] = ranked(*"abcdefg")

    with direct(FakeRoutes(ROUTE), triton) as client:
        assert client.classify_one(b"many").labels == tuple("abcde")
        assert client.classify_one(b"many", top_k=2).labels == ("a", "b")
        with pytest.raises(Refused) as caught:
            client.classify_one(b"?")

    assert caught.value.code == "undecodable_image"
    assert sizes(triton) == [1, 1, 1]


def test_texts_travel_as_utf_8_and_half_a_surrogate_pair_is_the_pipelines_to_refuse(
    triton: FakeTriton,
) -> None:
    triton.answers["Zürich".encode()] = ranked("city")
    topics = {**ROUTE, "task": "text-classification"}

    with direct(FakeRoutes(topics), triton) as client:
        city, half = client.classify(["Zürich", "\ud83d"])

    assert label(city) == "city"
    assert isinstance(half, RefusedItem)
    assert half.code == "undecodable_text"
    assert triton.asked[0].inputs[0].name == "TEXT"


def test_items_are_read_only_so_far_ahead_of_the_answers(triton: FakeTriton) -> None:
    taken = []

    def endless() -> Iterator[bytes]:
        while True:
            taken.append(1)
            yield b"7"

    with direct(FakeRoutes(ROUTE), triton, max_in_flight=2) as client:
        results = client.classify(endless())
        for _ in range(50):
            next(results)

    most_ahead = 2 * 2 * 4  # twice as many requests as may be in flight, of 4 items
    assert 50 <= len(taken) <= 50 + most_ahead


def test_a_slow_request_holds_the_reading_up_before_memory_fills(triton: FakeTriton) -> None:
    may_answer_first = threading.Event()
    taken: list[bytes] = []
    answered: list[str] = []

    def hold_first(request: Any) -> None:
        # By content: over two connections, the first that is sent need not come first.
        if request.raw_input_contents[0].startswith(encode_bytes_tensor([b"0"])):
            may_answer_first.wait(timeout=10)

    def counted() -> Iterator[bytes]:
        for number in NUMBERS:
            taken.append(number)
            yield number

    triton.judge = hold_first
    with direct(FakeRoutes(ROUTE), triton, max_in_flight=2) as client:
        results = client.classify(counted())
        reader = threading.Thread(target=lambda: answered.extend(map(label, results)))
        reader.start()
        most = 2 * 2 * 4  # twice as many requests as may be in flight, of 4 items
        while len(taken) < most:
            reader.join(timeout=0.01)
        reader.join(timeout=0.2)  # time for more, which must not be read
        assert (len(taken), answered) == (most, [])
        may_answer_first.set()
        reader.join()

    assert answered == [number.decode() for number in NUMBERS]


def test_so_many_requests_are_in_flight_and_no_more(triton: FakeTriton) -> None:
    triton.may_answer.clear()

    with direct(FakeRoutes(ROUTE), triton, max_in_flight=3, batch_size=1) as client:
        results = client.classify(NUMBERS)
        reader = threading.Thread(target=lambda: list(results))
        reader.start()
        while len(triton.asked) < 3:
            reader.join(timeout=0.01)
        reader.join(timeout=0.2)  # time for a fourth, which must not come
        assert len(triton.asked) == 3
        triton.may_answer.set()
        reader.join()

    assert len(triton.asked) == len(NUMBERS)


def test_closing_waits_for_what_is_in_flight(triton: FakeTriton) -> None:
    was_held: list[bool] = []
    triton.judge = lambda _: was_held.append(triton.may_answer.is_set())

    triton.may_answer.clear()
    answered: list[str] = []

    with direct(FakeRoutes(ROUTE), triton) as client:
        reader = threading.Thread(target=lambda: answered.append(client.classify_one(b"7").label))
        reader.start()
        while not triton.asked:
            reader.join(timeout=0.01)
        closing = threading.Thread(target=client.close)
        closing.start()
        closing.join(timeout=0.2)
        assert closing.is_alive()
        triton.may_answer.set()
        closing.join()
        reader.join()

    assert answered == ["7"]
    assert was_held == [True]  # a cancelled one would have been let go before


def test_several_tritons_share_the_work(triton: FakeTriton) -> None:
    with answering() as other, direct(FakeRoutes(ROUTE), triton, other, batch_size=1) as client:
        triton.may_answer.clear()
        other.may_answer.clear()
        results = client.classify(NUMBERS)
        reader = threading.Thread(target=lambda: list(results))
        reader.start()
        while len(triton.asked) + len(other.asked) < 8:
            reader.join(timeout=0.01)
        # Of two, whoever has fewer in flight gets the next: so neither is ahead by more than one.
        assert len(triton.asked) == len(other.asked) == 4
        triton.may_answer.set()
        other.may_answer.set()
        reader.join()

    assert len(triton.asked) + len(other.asked) == len(NUMBERS)


def test_a_key_meets_the_arm_that_the_gateway_would_choose(triton: FakeTriton) -> None:
    body = route_body(("digits_r1", 50), ("digits_r2", 50))
    keys = [f"user-{number}" for number in range(40)]
    route = Route.from_json("digits", 0, body)

    with direct(FakeRoutes(body), triton) as client:
        results = list(client.classify_keyed(zip(keys, NUMBERS, strict=True)))
        alone = [client.classify_one(b"7", sticky_key=key).release for key in keys]

    expected = [choose_arm(route, key).release for key in keys]
    assert [result.release for result in results] == expected == alone
    assert [label(result) for result in results] == [number.decode() for number in NUMBERS]
    assert len(set(expected)) == 2


def test_a_route_that_sticks_to_api_keys_goes_by_the_id_that_the_client_was_told(
    triton: FakeTriton, caplog: pytest.LogCaptureFixture
) -> None:
    body = route_body(("digits_r1", 50), ("digits_r2", 50), sticky="api_key")
    expected = choose_arm(Route.from_json("digits", 0, body), "key-1").release

    with direct(FakeRoutes(body), triton, key_id="key-1", batch_size=1) as client:
        met = {result.release for result in client.classify(NUMBERS, sticky_key="ann")}
    assert met == {expected}
    assert not caplog.records

    with (
        caplog.at_level(logging.WARNING),
        direct(FakeRoutes(body), triton, batch_size=1) as client,
    ):
        assert len({result.release for result in client.classify(NUMBERS)}) == 2
    assert "key_id" in caplog.text


def test_wrong_arguments_are_refused_before_anything_is_sent(triton: FakeTriton) -> None:
    with direct(FakeRoutes(ROUTE), triton) as client:
        with pytest.raises(ValueError, match="top_k"):
            client.classify([b"7"], top_k=0)
        with pytest.raises(ValueError, match="printable ASCII"):
            client.classify_one(b"7", sticky_key="Zürich")
    with pytest.raises(ValueError, match="address"):
        DirectClient("http://gateway", "k", [], "digits")
    assert triton.asked == []


def test_without_a_gateway_at_the_start_there_is_no_client() -> None:
    away = FakeRoutes(ROUTE, outage=httpx.ConnectError("refused"))

    with pytest.raises(Unavailable, match="does not answer"), direct(away, FakeTriton(address="x")):
        pass
