"""Requests and bytes per minute of a key, in one gateway's own memory."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.control_plane.api_key import ApiKey, Scope
from gateway.data_plane.rate_limits import RateLimits
from gateway.data_plane.sliding_window import seconds_until_free
from gateway.errors import RateLimited, StartRefused
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.running_gateway import Gateway, StartGateway


def a_key(**terms: Any) -> ApiKey:
    return ApiKey(
        id="4f6c2a9b1d0e",
        name="app",
        tenant="acme",
        scopes=frozenset({Scope.PREDICT}),
        created_at=datetime.now(UTC),
        **terms,
    )


async def key_with(gateway: Gateway, **terms: Any) -> dict[str, str]:
    body = {"name": "app", **terms}
    made = await gateway.client.post("/v1/admin/keys", json=body, headers=gateway.admin)
    return {"X-API-Key": made.json()["key"]}


@pytest.fixture
def away_from_the_edge() -> None:
    """Windows begin with the minute of the clock; a test that counts must not cross it."""
    seconds_left = 60 - time.time() % 60
    if seconds_left < 3:
        time.sleep(seconds_left)


async def test_a_key_without_limits_is_never_refused() -> None:
    limits = RateLimits()
    for _ in range(1000):
        await limits.charge(a_key(), requests=1, size_bytes=10**9)
    await limits.close()


@pytest.mark.usefixtures("away_from_the_edge")
async def test_a_key_may_send_its_number_of_requests_and_no_more() -> None:
    limits, key = RateLimits(), a_key(requests_per_minute=3)
    for _ in range(3):
        await limits.charge(key, requests=1, size_bytes=10**9)
    with pytest.raises(RateLimited, match="3 requests per minute") as refused:
        await limits.charge(key, requests=1, size_bytes=0)
    assert 0 < (refused.value.retry_after_seconds or 0) <= 120
    await limits.charge(key, requests=0, size_bytes=1)
    await limits.charge(a_key(requests_per_minute=4), requests=1, size_bytes=0)  # another limit


@pytest.mark.usefixtures("away_from_the_edge")
async def test_a_key_may_send_its_number_of_bytes_and_what_is_refused_is_not_taken() -> None:
    limits, key = RateLimits(), a_key(bytes_per_minute=100)
    await limits.charge(key, requests=1, size_bytes=60)
    with pytest.raises(RateLimited, match="100 bytes per minute"):
        await limits.charge(key, requests=1, size_bytes=41)
    await limits.charge(key, requests=1, size_bytes=40)
    with pytest.raises(RateLimited):
        await limits.charge(key, requests=1, size_bytes=1)


async def test_what_is_larger_than_a_whole_minute_is_told_that_it_never_passes() -> None:
    limits, key = RateLimits(), a_key(bytes_per_minute=100)
    with pytest.raises(RateLimited, match=r"101 bytes.*can never pass") as refused:
        await limits.charge(key, requests=1, size_bytes=101)
    assert refused.value.retry_after_seconds is None
    await limits.charge(key, requests=1, size_bytes=100)


@pytest.mark.parametrize(
    ("window", "cost", "seconds"),
    [
        ((0, 0.0, 0, 0.0), 1, 0.0),  # emptied in between
        # 100 of the last minute weigh 50 now: one more fits when they weigh less than 50.
        ((100, 30.0, 50, 90.0), 1, 0.0),
        ((100, 30.0, 60, 90.0), 1, 30.0 - 60 * 40 / 100),
        # This minute is full: it has to fade for 60 * (1 - 100/100) in the next.
        ((0, 0.0, 100, 90.0), 1, 30.0),
        ((0, 0.0, 100, 90.0), 51, 30.0 + 60 * 0.5),
        ((0, 0.0, 100, 120.0), 100, 60.0 + 60 * 0.99),
    ],
)
def test_when_to_ask_again_is_when_enough_has_faded(
    window: tuple[int, float, int, float], cost: int, seconds: float
) -> None:
    assert seconds_until_free(window, limit=100, cost=cost) == pytest.approx(seconds)


def test_an_address_of_no_redis_refuses_the_start_and_keeps_the_password() -> None:
    with pytest.raises(StartRefused) as refused:
        RateLimits("http://:pa55@cache")
    assert "pa55" not in str(refused.value)


@pytest.mark.usefixtures("away_from_the_edge")
async def test_a_limited_key_is_refused_from_the_headers_and_told_when_to_come_back(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    gateway = await start_gateway()
    headers = await key_with(gateway, requests_per_minute=1)
    path = "/v1/predict/digits"
    first = await gateway.client.post(path, content=b"seven", headers=headers)
    assert first.status_code == 200

    async def unread() -> AsyncIterator[bytes]:
        pytest.fail("the body was read")
        yield b""

    refused = await gateway.client.post(
        path, content=unread(), headers={**headers, "Expect": "100-continue"}
    )
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
    assert 1 <= int(refused.headers["Retry-After"]) <= 120
    assert refused.headers["Connection"] == "close"
    other = await gateway.client.post(path, content=b"seven", headers=gateway.ui)
    assert other.status_code == 200


@pytest.mark.usefixtures("away_from_the_edge")
async def test_bytes_are_charged_by_their_declared_length_or_after_reading(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    gateway = await start_gateway()
    path = "/v1/predict/digits"

    async def chunked() -> AsyncIterator[bytes]:
        yield b"sev"
        yield b"en"

    for content in (b"seven", chunked):
        headers = await key_with(gateway, bytes_per_minute=9)
        statuses = [
            await gateway.client.post(
                path, content=content() if callable(content) else content, headers=headers
            )
            for _ in range(2)
        ]
        assert [answer.status_code for answer in statuses] == [200, 429]
    too_large = await gateway.client.post(path, content=b"x" * 10, headers=headers)
    assert too_large.status_code == 429
    assert "can never pass" in too_large.json()["error"]["message"]
    assert "Retry-After" not in too_large.headers
