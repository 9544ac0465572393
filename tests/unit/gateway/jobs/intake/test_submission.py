"""POST /v1/jobs, and what becomes of what it was given."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator

import pytest

from gateway.jobs.payload import JobItem
from gateway.settings import GatewaySettings
from python_backends.shared.contract import Task
from tests.fakes.fake_supervisor import FakeSupervisor, a_release
from tests.unit.gateway.jobs.intake.archives_made import FILES, a_tar, a_zip
from tests.unit.gateway.jobs.intake.submitted import JSON, ZIP, jobs_of, kept, post, stored_files
from tests.unit.gateway.running_gateway import Gateway, StartGateway

ITEMS = [JobItem(*it) for it in FILES.items()]
AS_FORM = [("file", (name, content)) for name, content in FILES.items()]


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (a_zip(), "application/zip"),
        (a_tar(), "application/x-tar"),
        (a_tar(mode="w:gz"), "Application/GZIP; charset=binary"),
    ],
)
async def test_an_archive_becomes_a_job(
    settings: GatewaySettings, start_gateway: StartGateway, content: bytes, content_type: str
) -> None:
    gateway = await start_gateway()

    answer = await post(gateway, content, content_type, "&top_k=3")

    job = answer.json()
    assert (answer.status_code, answer.headers["Location"]) == (202, f"/v1/jobs/{job['id']}")
    assert (job["alias"], job["state"], job["items"]) == ("digits", "queued", 3)
    assert (job["is_whole"], job["top_k"], job["source"]) == (True, 3, None)
    assert await kept(settings, job) == ITEMS
    shown = await gateway.client.get(answer.headers["Location"], headers=gateway.ui)
    assert shown.json() == job


async def test_a_form_becomes_a_job(settings: GatewaySettings, start_gateway: StartGateway) -> None:
    gateway = await start_gateway(max_image_bytes=100)

    answer = await gateway.client.post("/v1/jobs?alias=digits", files=AS_FORM, headers=gateway.ui)

    assert answer.status_code == 202
    too_large = JobItem("a/eight.png", b"", 5000)
    assert await kept(settings, answer.json()) == [ITEMS[0], too_large, ITEMS[2]]


async def test_many_items_become_chunks(
    settings: GatewaySettings, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    files = {f"{it}.png": b"%d" % it for it in range(600)} | {"big": bytes(9 * 2**20), "z": b"1"}

    job = (await post(gateway, a_zip(files), "application/zip")).json()

    assert await kept(settings, job) == [JobItem(*it) for it in files.items()]
    assert len(stored_files(settings)) == 5


@pytest.fixture
async def topics(supervisor: FakeSupervisor, start_gateway: StartGateway) -> Gateway:
    """A gateway with the text alias topics beside the image alias digits."""
    supervisor.releases.append(a_release("topics", 1, top_k=3, task=Task.TEXT_CLASSIFICATION))
    return await start_gateway()


async def test_lines_become_a_job_of_texts(settings: GatewaySettings, topics: Gateway) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        for line in (b'"one"\n{"te', b'xt": "two", "id"', b': "b"}'):
            yield line

    answer = await topics.client.post(
        "/v1/jobs?alias=topics",
        content=slowly(),
        headers={**topics.ui, "Content-Type": "application/x-ndjson"},
    )

    assert (answer.status_code, answer.json()["task"]) == (202, "text-classification")
    assert await kept(settings, answer.json()) == [JobItem("", b"one"), JobItem("b", b"two")]


async def test_texts_come_as_files_too_but_images_in_no_lines(topics: Gateway) -> None:
    answer = await topics.client.post("/v1/jobs?alias=topics", files=AS_FORM, headers=topics.ui)
    assert answer.status_code == 202

    answer = await post(topics, b'"one"', "application/x-ndjson")
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_media_type")
    assert "application/x-ndjson" not in answer.json()["error"]["message"].partition("comes as")[2]


async def test_a_source_that_is_allowed_is_listed_later(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(job_sources={"photos": "file:///data/photos"})

    answer = await post(gateway, b'{"source": "photos", "prefix": "2026/"}', "application/json")

    assert (answer.status_code, answer.json()["state"]) == (202, "listing")
    assert answer.json()["source"] == {"source": "photos", "prefix": "2026/"}


async def test_a_source_may_come_without_a_length_and_a_webhook_that_is_allowed_is_kept(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(
        job_sources={"photos": "file:///data/photos"}, webhooks_allowed=("127.0.0.0/8",)
    )

    async def undeclared() -> AsyncIterator[bytes]:
        yield b'{"source": "photos"}'

    answer = await post(gateway, undeclared(), JSON, "&webhook=http://127.0.0.1:9/x")

    assert answer.status_code == 202
    assert answer.json()["source"] == {"source": "photos", "prefix": ""}
    assert answer.json()["webhook"] == "http://127.0.0.1:9/x"


async def test_a_large_archive_is_written_down_piece_by_piece(
    settings: GatewaySettings, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    content = os.urandom(3 * 2**20)
    whole = a_tar({"big": content})

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(whole), 2**18):
            yield whole[at : at + 2**18]

    job = (await post(gateway, pieces(), "application/x-tar")).json()

    assert await kept(settings, job) == [JobItem("big", content)]


async def test_a_request_under_one_key_is_one_job(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()

    answers = await asyncio.gather(
        *(post(gateway, a_zip(), ZIP, Idempotency_Key="a") for _ in range(4))
    )
    again = await post(gateway, a_zip(), ZIP, Idempotency_Key="a")
    another = await post(gateway, a_zip(), ZIP, "&top_k=2", Idempotency_Key="a")

    assert {it.status_code for it in answers} <= {202, 409}
    ids = {it.json()["id"] for it in (*answers, again) if it.status_code == 202}
    assert ids == {job["id"] for job in await jobs_of(gateway)}
    assert len(ids) == 1
    assert again.status_code == 202
    assert (another.status_code, another.json()["error"]["code"]) == (409, "job_conflict")


async def test_openapi_says_how_a_job_comes(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    document = (await gateway.client.get("/openapi.json")).json()

    told = document["paths"]["/v1/jobs"]["post"]
    assert set(told["requestBody"]["content"]) >= {ZIP, "application/x-ndjson", JSON}
    assert json.dumps(told["responses"]["202"]).count("JobDescription") == 1
