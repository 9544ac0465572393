from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.unit.triptych.client.fake_gateway import SEVEN, WHO, FakeGateway, refusal
from triptych.client import (
    AsyncClient,
    Client,
    RateLimited,
    Refused,
    ServerFailed,
    TimedOut,
    TriptychClientError,
    Unavailable,
)
from triptych.client.gateway_http import Patience, ask_image


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


def test_a_call_that_was_not_taken_is_sent_again(gateway: FakeGateway) -> None:
    gateway.will(refusal(503, "overloaded"), httpx.ReadError("cut"), {**WHO, **SEVEN})

    with Client("http://gateway", "k", transport=httpx.MockTransport(gateway)) as client:
        answer = client.classify_image("digits", b"picture")

    assert answer.label == "7"
    assert [asked.content for asked in gateway.asked] == [b"picture"] * 3


async def test_the_asynchronous_client_sends_again_too_and_blocks_nobody(
    gateway: FakeGateway,
) -> None:
    gateway.will(refusal(503, "overloaded"), {**WHO, **SEVEN}, {**WHO, **SEVEN})
    transport = httpx.MockTransport(gateway)

    async with AsyncClient("http://gateway", "k", transport=transport) as client:
        one, other = await asyncio.gather(
            client.classify_image("digits", b"a"), client.classify_image("digits", b"b")
        )

    assert (one.label, other.label) == ("7", "7")
    assert [asked.content for asked in gateway.asked] == [b"a", b"b", b"a"]


def test_tries_end_and_the_last_refusal_is_raised(gateway: FakeGateway) -> None:
    gateway.will(refusal(503, "overloaded"), refusal(503, "inference_unavailable"))

    transport = httpx.MockTransport(gateway)
    with (
        Client("http://gateway", "k", transport=transport, retries=1) as client,
        pytest.raises(Unavailable) as caught,
    ):
        client.classify_text("topics", "x")

    assert caught.value.code == "inference_unavailable"
    assert len(gateway.asked) == 2


@pytest.mark.parametrize("status", [400, 422, 429, 500, 502, 504])
def test_what_would_come_back_the_same_is_not_sent_again(gateway: FakeGateway, status: int) -> None:
    gateway.will(refusal(status, "some_code"))

    transport = httpx.MockTransport(gateway)
    with (
        Client("http://gateway", "k", transport=transport) as client,
        pytest.raises(TriptychClientError),
    ):
        client.classify_image("digits", b"x")

    assert len(gateway.asked) == 1


def test_a_route_is_not_asked_for_again(gateway: FakeGateway) -> None:
    gateway.will(refusal(503, "overloaded"))

    transport = httpx.MockTransport(gateway)
    with Client("http://gateway", "k", transport=transport) as client, pytest.raises(Unavailable):
        client.route("digits")

    assert len(gateway.asked) == 1


def test_each_try_tells_the_gateway_the_time_that_is_left() -> None:
    patience = Patience(timeout_seconds=2.0, retries=3, now=100.0)
    ask = ask_image("digits", b"x")

    first, later = patience.limited(ask, now=100.0), patience.limited(ask, now=101.5)

    assert first.headers["X-Request-Timeout-Ms"] == "2000"
    assert later.headers["X-Request-Timeout-Ms"] == "500"
    # The gateway's own 504 is better than a connection that is given up.
    assert later.timeout_seconds is not None
    assert later.timeout_seconds > 0.5
    assert later.content == b"x"


def test_pauses_grow_and_are_not_the_same_for_everybody() -> None:
    def pauses() -> list[float]:
        patience = Patience(timeout_seconds=60.0, retries=6, now=0.0)
        return [patience.pause_after(Unavailable("away"), now=0.0) or 0.0 for _ in range(6)]

    some = [pauses() for _ in range(20)]

    for place, longest in enumerate([0.1, 0.2, 0.4, 0.8, 1.6, 2.0]):
        assert all(longest / 2 <= those[place] <= longest for those in some)
    assert len({those[0] for those in some}) > 1


@pytest.mark.parametrize("error", [RateLimited, Unavailable])
def test_a_pause_is_never_shorter_than_the_gateway_says(
    error: type[TriptychClientError],
) -> None:
    patience = Patience(timeout_seconds=60.0, retries=3, now=0.0)

    assert patience.pause_after(error("wait", retry_after_seconds=7.0), now=0.0) == 7.0


def test_a_pause_that_outlives_the_call_is_not_made() -> None:
    patience = Patience(timeout_seconds=5.0, retries=3, now=0.0)

    assert patience.pause_after(Unavailable("wait", retry_after_seconds=7.0), now=0.0) is None


@pytest.mark.parametrize(
    "error", [RateLimited("never passes"), Refused("wrong"), TimedOut("late"), ServerFailed("bug")]
)
def test_there_is_no_pause_after_what_does_not_get_better(error: TriptychClientError) -> None:
    assert Patience(timeout_seconds=60.0, retries=3, now=0.0).pause_after(error, now=0.0) is None


@pytest.mark.parametrize(
    ("header", "seconds"), [("3", 3.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None)]
)
def test_retry_after_is_read_as_seconds(
    gateway: FakeGateway, header: str, seconds: float | None
) -> None:
    gateway.will(refusal(429, "rate_limited", Retry_After=header))

    transport = httpx.MockTransport(gateway)
    with (
        Client("http://gateway", "k", transport=transport) as client,
        pytest.raises(RateLimited) as caught,
    ):
        client.classify_image("digits", b"x", timeout_seconds=0.5)

    assert caught.value.retry_after_seconds == seconds
