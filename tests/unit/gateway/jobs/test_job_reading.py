"""GET /v1/jobs and DELETE: who sees what."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.control_plane.api_key import ApiKey
from gateway.jobs.job import Chunk, Job, JobTerms, SourceFolder
from gateway.jobs.job_store import JobStore
from gateway.jobs.webhooks.signature import WebhookSecrets
from tests.unit.gateway.jobs.conftest import MovedClock
from tests.unit.gateway.jobs.some_answers import record
from tests.unit.gateway.jobs.some_jobs import begun, key, wanted
from tests.unit.gateway.running_gateway import Gateway, StartGateway

Headers = dict[str, str]


@pytest.fixture
async def gateway(
    engine: AsyncEngine,  # noqa: ARG001 - makes the database
    start_gateway: StartGateway,
) -> Gateway:
    """With the database of this test."""
    return await start_gateway()


async def somebody(gateway: Gateway, tenant: str | None = None) -> tuple[ApiKey, Headers]:
    terms = {"name": "shop", "tenant": tenant}
    made = await gateway.client.post("/v1/admin/keys", json=terms, headers=gateway.admin)
    told = made.json()
    return key(told["id"], tenant=told["tenant"]), {"X-API-Key": told["key"]}


async def test_a_job_is_shown_as_it_stands(
    gateway: Gateway, jobs: JobStore, engine: AsyncEngine
) -> None:
    owner, headers = await somebody(gateway)
    terms = JobTerms(top_k=3, webhook="https://hooks.example/")
    job = await begun(jobs, 2, 2, terms=terms, owner=owner)
    await record(engine, job, 0)

    answer = await gateway.client.get(f"/v1/jobs/{job.id}", headers=headers)

    assert answer.status_code == 200
    expected = {
        "id": job.id,
        "alias": "digits",
        "task": "image-classification",
        "items": 4,
        "is_whole": True,
        "done": 2,
        "refused": 0,
        "ended_at": None,
        "top_k": 3,
        "source": None,
        "webhook": "https://hooks.example/",
        "results": f"/v1/jobs/{job.id}/results",
        "events": f"/v1/jobs/{job.id}/events",
    }
    assert answer.json().items() >= expected.items()


async def test_jobs_are_listed_newest_first_those_of_the_tenant(
    gateway: Gateway, jobs: JobStore, clock: MovedClock
) -> None:
    one, headers = await somebody(gateway, "shop")
    two, _ = await somebody(gateway, "shop")
    other, _ = await somebody(gateway)
    source = JobTerms(source=SourceFolder("photos", "2026/"))
    mine = []
    for new in (wanted(owner=one), wanted(owner=two), wanted(source, owner=one)):
        mine.append(await jobs.begin(new))
        clock.move(1)
    theirs = await begun(jobs, 1, owner=other)

    async def listed(whose: Headers, query: str = "") -> list[str]:
        answer = await gateway.client.get(f"/v1/jobs{query}", headers=whose)
        assert answer.status_code == 200
        return [told["id"] for told in answer.json()["jobs"]]

    newest_first = [job.id for job in reversed(mine)]
    assert await listed(headers) == newest_first
    assert await listed(headers, "?limit=2") == newest_first[:2]
    assert await listed(gateway.ui) == []
    assert await listed(gateway.admin) == [theirs.id, *newest_first]


async def test_the_list_names_the_sources_of_which_a_job_can_be_made(
    start_gateway: StartGateway,
) -> None:
    sources = {"scans": "file:///data/scans", "photos": "s3://secret-bucket/photos"}
    gateway = await start_gateway(job_sources=sources)

    answer = await gateway.client.get("/v1/jobs", headers=gateway.ui)

    assert answer.json() == {"jobs": [], "sources": ["photos", "scans"]}


async def test_a_job_of_another_tenant_is_as_unknown_as_none(
    gateway: Gateway, jobs: JobStore
) -> None:
    job = await begun(jobs, 1)
    _, headers = await somebody(gateway)
    for method, path in [
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/results"),
        ("GET", "/results?follow=true"),
        ("GET", "/events"),
    ]:
        for job_id in (job.id, "0" * 16, "A" * 16, "%00", "0" * 200):
            answer = await gateway.client.request(
                method, f"/v1/jobs/{job_id}{path}", headers=headers
            )
            assert answer.status_code == 404, (method, path, job_id)
            assert answer.json()["error"]["code"] == "unknown_job"
    assert (await jobs.get(job.id)).state == "queued"


async def test_a_job_is_cancelled_once_and_asking_again_is_fine(
    gateway: Gateway, jobs: JobStore
) -> None:
    owner, headers = await somebody(gateway, "shop")
    job = await begun(jobs, 1, owner=owner)
    _, colleague = await somebody(gateway, "shop")

    first = await gateway.client.delete(f"/v1/jobs/{job.id}", headers=colleague)
    second = await gateway.client.delete(f"/v1/jobs/{job.id}", headers=headers)

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["state"] == "cancelled"
    assert first.json()["sentence"] == "cancelled by the key 'shop'"
    assert second.json() == first.json()


async def test_what_has_ended_well_is_not_cancelled_any_more(
    gateway: Gateway, jobs: JobStore, engine: AsyncEngine
) -> None:
    job = await begun(jobs, 1)
    await record(engine, job, 0)

    answer = await gateway.client.delete(f"/v1/jobs/{job.id}", headers=gateway.admin)

    assert (answer.status_code, answer.json()["state"]) == (200, "succeeded")


async def test_items_stop_coming_in_once_a_job_is_cancelled(
    gateway: Gateway, jobs: JobStore
) -> None:
    job: Job = await jobs.begin(wanted())

    await gateway.client.delete(f"/v1/jobs/{job.id}", headers=gateway.admin)

    assert not await jobs.add_chunk(Chunk(job.id, 0, 0, 1), 100)


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x"])
async def test_a_limit_that_makes_no_sense_is_refused(gateway: Gateway, query: str) -> None:
    answer = await gateway.client.get(f"/v1/jobs?{query}", headers=gateway.ui)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_parameter")


async def test_a_key_is_shown_its_own_webhook_secret_and_keeps_it(gateway: Gateway) -> None:
    owner, headers = await somebody(gateway)
    hash_secret = (gateway.state_dir / "key-hash.secret").read_text().strip()

    answer = await gateway.client.get("/v1/key/webhook-secret", headers=headers)

    assert answer.status_code == 200
    assert answer.json() == {"secret": WebhookSecrets(hash_secret).of(owner.id)}
    assert answer.headers["cache-control"] == "no-store"
    rotated = await gateway.client.post(
        f"/v1/admin/keys/{owner.id}/rotate", json={}, headers=gateway.admin
    )
    again = await gateway.client.get(
        "/v1/key/webhook-secret", headers={"X-API-Key": rotated.json()["key"]}
    )
    assert again.json() == answer.json()
