"""Prefer: respond-async on /v1/predict/{alias}."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx import Response

from gateway.control_plane.database import open_database
from gateway.jobs.job_store import JobStore
from gateway.jobs.payload import JobItem, unpack
from gateway.jobs.payload_shelf import PayloadShelf, storage_url
from gateway.settings import GatewaySettings
from python_backends.shared.contract import Task
from tests.fakes.fake_supervisor import FakeSupervisor, a_release
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.running_gateway import Gateway, StartGateway

ASYNC = {"Prefer": "wait=5; x=1, Respond-Async"}


@pytest.fixture
async def both(supervisor: FakeSupervisor, start_gateway: StartGateway) -> Gateway:
    """A gateway with an alias of images and one of texts."""
    supervisor.releases.append(a_release("topics", 1, top_k=3, task=Task.TEXT_CLASSIFICATION))
    return await start_gateway(max_image_bytes=100)


async def post(gateway: Gateway, path: str, **body: Any) -> Response:
    headers = gateway.ui | ASYNC | body.pop("headers", {})
    return await gateway.client.post(f"/v1/predict/{path}", headers=headers, **body)


async def items_of(settings: GatewaySettings, answer: Response) -> tuple[bool, list[JobItem]]:
    """Whether the one item came alone, and what lies in the storage."""
    assert answer.status_code == 202, answer.text
    assert answer.headers["Preference-Applied"] == "respond-async"
    job_id = answer.json()["id"]
    assert answer.headers["Location"] == f"/v1/jobs/{job_id}"
    engine = await open_database(settings.effective_database_url)
    try:
        job = await JobStore(engine).get(job_id)
    finally:
        await engine.dispose()
    items = unpack(await PayloadShelf(storage_url(settings)).get(job_id, 0))
    assert isinstance(items, list)
    return job.terms.is_single, items


async def test_one_image_and_one_text_come_alone(settings: GatewaySettings, both: Gateway) -> None:
    answer = await post(both, "digits?top_k=2", content=b"seven")
    assert answer.json()["top_k"] == 2
    assert await items_of(settings, answer) == (True, [JobItem("", b"seven")])

    answer = await post(both, "topics", json={"text": "é"})
    assert await items_of(settings, answer) == (True, [JobItem("", "é".encode())])


async def test_several_come_as_a_list(settings: GatewaySettings, both: Gateway) -> None:
    files = [("file", ("a\n", b"1")), ("file", ("big", bytes(101)))]
    answer = await post(both, "digits", files=files)
    told = [JobItem("a%0A", b"1"), JobItem("big", b"", 101)]
    assert await items_of(settings, answer) == (False, told)

    answer = await post(both, "topics", json={"texts": ["a", " "]})
    assert await items_of(settings, answer) == (False, [JobItem("", b"a"), JobItem("", b"")])


async def test_the_same_again_is_the_same_job(both: Gateway) -> None:
    key = {"Idempotency-Key": "a"}
    first = await post(both, "digits", content=b"seven", headers=key)
    again = await post(both, "digits", content=b"seven", headers=key)
    other = await post(both, "digits?top_k=3", content=b"seven", headers=key)

    assert first.json()["id"] == again.json()["id"]
    assert (other.status_code, other.json()["error"]["code"]) == (409, "job_conflict")


async def test_what_a_prediction_refuses_is_refused(both: Gateway) -> None:
    for body, code in (
        ({"content": b""}, "empty_body"),
        ({"content": bytes(101)}, "payload_too_large"),
    ):
        answer = await post(both, "digits", **body)
        assert answer.json()["error"]["code"] == code


async def test_a_body_of_unknown_length_is_charged_for(both: Gateway) -> None:
    terms = {"name": "a", "scopes": ["predict"], "bytes_per_minute": 3}
    made = await both.client.post("/v1/admin/keys", json=terms, headers=both.admin)

    async def undeclared() -> AsyncIterator[bytes]:
        yield b"seven"

    answer = await post(
        both, "digits", content=undeclared(), headers={"X-API-Key": made.json()["key"]}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limited")


async def test_any_other_preference_is_answered_at_once(triton: FakeTriton, both: Gateway) -> None:
    triton.answers[b"seven"] = ranked("7")
    answer = await post(both, "digits", content=b"seven", headers={"Prefer": "wait=5"})

    assert (answer.status_code, "Preference-Applied" in answer.headers) == (200, False)
