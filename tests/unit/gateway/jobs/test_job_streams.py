"""Answers and events over a real connection, also while the job runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway.jobs.answer_reader import AnswerReader
from gateway.jobs.job import JobTerms
from gateway.jobs.job_store import JobStore
from gateway.jobs.job_streams import CutShort, ResultFormat, recorded
from gateway.settings import GatewaySettings
from tests.unit.gateway.jobs.some_answers import line, record, refused
from tests.unit.gateway.jobs.some_jobs import begun
from tests.unit.gateway.running_gateway import Gateway, StartGateway, gateway_over_tcp, until


@pytest.fixture
async def gateway(
    engine: AsyncEngine,  # noqa: ARG001 - makes the database
    serve_gateway: StartGateway,
) -> Gateway:
    """With the database of this test."""
    return await serve_gateway()


async def answers(gateway: Gateway, job_id: str, query: str = "") -> httpx.Response:
    path = f"/v1/jobs/{job_id}/results{query}"
    answer = await gateway.client.get(path, headers=gateway.admin)
    assert answer.status_code == 200
    return answer


async def test_answers_are_json_lines_in_the_order_of_the_items(
    gateway: Gateway, jobs: JobStore, engine: AsyncEngine
) -> None:
    job = await begun(jobs, 2, 2, 2)
    third = await record(engine, job, 2)
    first = await record(engine, job, 0, refused(0), line(1))

    answer = await answers(gateway, job.id)

    assert answer.content == first + third
    assert answer.headers["content-type"] == "application/x-ndjson"
    name = f'attachment; filename="digits-{job.id}.jsonl"'
    assert answer.headers["content-disposition"] == name
    assert (await answers(gateway, job.id, "?format=jsonl&follow=false")).content == first + third


async def test_or_a_table_with_as_many_labels_as_were_asked_for(
    gateway: Gateway, jobs: JobStore, engine: AsyncEngine
) -> None:
    job = await begun(jobs, 2, terms=JobTerms(top_k=2))
    await record(engine, job, 0, line(0), refused(1))

    answer = await answers(gateway, job.id, "?format=csv")

    assert answer.text == (
        "index,name,label,score,release,truncated,error_code,error_message,label_2,score_2\r\n"
        "0,0.png,7,0.75,digits_r1,,,,1,0.25\r\n"
        "1,1.txt,,,digits_r1,,undecodable_image,it is no image,,\r\n"
    )
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].endswith(f'digits-{job.id}.csv"')


async def test_where_nothing_is_answered_there_is_nothing_but_a_header(
    gateway: Gateway, jobs: JobStore
) -> None:
    job = await begun(jobs, 1)

    assert (await answers(gateway, job.id)).content == b""
    assert (await answers(gateway, job.id, "?format=csv")).text.count("\n") == 1


@pytest.mark.parametrize("query", ["format=xml", "follow=perhaps"])
async def test_a_wish_that_makes_no_sense_is_refused(gateway: Gateway, query: str) -> None:
    path = f"/v1/jobs/{'0' * 16}/results?{query}"
    answer = await gateway.client.get(path, headers=gateway.ui)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_parameter")


async def test_who_follows_gets_answers_as_they_are_recorded_until_the_job_has_ended(
    gateway: Gateway, jobs: JobStore, engine: AsyncEngine
) -> None:
    job = await begun(jobs, 1, 1, 1)
    await record(engine, job, 1)
    path = f"/v1/jobs/{job.id}/results?follow=true"
    async with gateway.client.stream("GET", path, headers=gateway.admin) as answer:
        lines = answer.aiter_lines()

        async def index() -> int:
            found: int = json.loads(await asyncio.wait_for(anext(lines), 5))["index"]
            return found

        assert await index() == 1
        await record(engine, job, 0)
        assert await index() == 0
        await record(engine, job, 2)
        assert await index() == 2

        assert [rest async for rest in lines] == []


async def test_who_follows_a_job_that_is_cancelled_gets_what_there_is(
    gateway: Gateway, jobs: JobStore, engine: AsyncEngine
) -> None:
    job = await begun(jobs, 1, 1)
    lines = await record(engine, job, 1)
    following = asyncio.create_task(answers(gateway, job.id, "?follow=true"))
    await jobs.cancel(job.id, "enough")

    assert (await asyncio.wait_for(following, 5)).content == lines


async def kinds(answer: httpx.Response) -> AsyncGenerator[tuple[str, int], None]:
    """Each event's kind, and how many items were done."""
    kind = ""
    async for text in answer.aiter_lines():
        if text.startswith("event: "):
            kind = text.removeprefix("event: ")
        if text.startswith("data: "):
            yield kind, json.loads(text.removeprefix("data: "))["done"]


async def test_events_tell_of_each_change_and_of_the_end(
    gateway: Gateway, jobs: JobStore, engine: AsyncEngine
) -> None:
    job = await begun(jobs, 3, 4)
    path = f"/v1/jobs/{job.id}/events"
    async with gateway.client.stream("GET", path, headers=gateway.admin) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async with aclosing(kinds(answer)) as events:
            assert await anext(events) == ("progress", 0)
            await record(engine, job, 1)
            assert await asyncio.wait_for(anext(events), 5) == ("progress", 4)
            await record(engine, job, 0)
            assert await asyncio.wait_for(anext(events), 5) == ("end", 7)
            assert [rest async for rest in events] == []


async def test_a_key_may_watch_fifty_times_and_who_goes_away_leaves_a_place(
    gateway: Gateway, jobs: JobStore
) -> None:
    job = await begun(jobs, 1)
    paths = [f"/v1/jobs/{job.id}/events", f"/v1/jobs/{job.id}/results?follow=true"]
    stream = gateway.client.stream
    async with AsyncExitStack() as stack:
        for number in range(50):
            answer = await stack.enter_async_context(
                stream("GET", paths[number % 2], headers=gateway.admin)
            )
            assert answer.status_code == 200
        for path in paths:
            refusal = await gateway.client.get(path, headers=gateway.admin)
            assert (refusal.status_code, refusal.json()["error"]["code"]) == (429, "key_overloaded")

    async def has_place() -> bool:
        async with stream("GET", paths[0], headers=gateway.admin) as again:
            return again.status_code == 200

    await until(has_place)


async def test_streams_end_with_the_gateway_and_what_is_not_whole_does_not_look_so(
    settings: GatewaySettings, jobs: JobStore, engine: AsyncEngine
) -> None:
    job = await begun(jobs, 1, 1)
    await record(engine, job, 0)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        async with gateway_over_tcp(settings) as gateway:
            at = f"http://127.0.0.1:{gateway.port}/v1/jobs/{job.id}"
            followed, watched = [
                await stack.enter_async_context(
                    client.stream("GET", at + path, headers=gateway.admin)
                )
                for path in ("/results?follow=true", "/events")
            ]
            answered, told = followed.aiter_lines(), kinds(watched)
            await anext(answered)
            await anext(told)
            stopped_at = asyncio.get_running_loop().time()

        assert asyncio.get_running_loop().time() - stopped_at < settings.shutdown_seconds / 3
        assert [event async for event in told] == []
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
            await anext(answered)


async def test_answers_that_cannot_be_read_to_their_end_are_cut(jobs: JobStore) -> None:
    job = await begun(jobs, 1)
    nowhere = create_async_engine("sqlite+aiosqlite:////proc/no/such/folder.db")

    with pytest.raises(CutShort):
        await anext(recorded(AnswerReader(nowhere), job, ResultFormat.JSONL))
    await nowhere.dispose()
