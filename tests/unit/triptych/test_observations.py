"""Spans and samples through the supervisor's HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from tests.unit.triptych.nothing_observed import nothing_observed
from tests.unit.triptych.triton_export import an_export

JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    api = Starlette(routes=nothing_observed().routes())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(api), base_url="http://supervisor"
    ) as client:
        yield client


async def test_spans_that_were_taken_are_told(client: httpx.AsyncClient) -> None:
    taken = await client.post("/v1/traces", json=an_export())
    trace = await client.get(f"/traces/{'1'.zfill(32)}")
    unknown = await client.get(f"/traces/{'2'.zfill(32)}")

    assert (taken.status_code, taken.json()) == (200, {})
    assert trace.status_code == 200
    names = [span["name"] for span in trace.json()["spans"]]
    assert names == ["digits_r1_preprocess", "digits_r1", "InferRequest"]
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"no spans", JSON, 400),
        (b"{}", JSON, 400),
        (json.dumps(an_export()).encode(), {"Content-Type": "text/plain"}, 415),
        (json.dumps(an_export()).encode(), {}, 415),
        (b" " * (2 * 1024 * 1024 + 1), JSON, 413),
        (b"{}", {**JSON, "Content-Length": "-1"}, 413),
    ],
)
async def test_anything_else_is_refused_and_nothing_of_it_kept(
    client: httpx.AsyncClient, content: bytes, headers: dict[str, str], status: int
) -> None:
    assert (await client.post("/v1/traces", content=content, headers=headers)).status_code == status
    assert (await client.get(f"/traces/{'1'.zfill(32)}")).status_code == 404


async def test_a_body_that_does_not_say_its_length_is_counted(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 100_000

    answer = await client.post("/v1/traces", content=endless(), headers=JSON)
    assert answer.status_code == 413


async def test_samples_are_told_and_a_senseless_question_is_refused(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/samples?seconds=60")
    assert answer.json()["samples"] == []
    assert answer.json()["interval_seconds"] == 5.0
    later = await client.get("/samples?since=2026-01-31T12:00:00.000Z")
    assert later.json()["samples"] == []
    assert (await client.get("/samples?since=yesterday")).status_code == 400
    for seconds in ("-1", "x", "1e3", "9" * 20):
        assert (await client.get(f"/samples?seconds={seconds}")).status_code == 400
