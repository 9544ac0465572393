"""What is no job, or more than one may be: a refusal, and nothing left of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from gateway.settings import GatewaySettings
from tests.unit.gateway.jobs.intake.archives_made import a_tar, a_zip
from tests.unit.gateway.jobs.intake.submitted import JSON, ZIP, jobs_of, post, stored_files
from tests.unit.gateway.running_gateway import StartGateway

REFUSED: dict[str, tuple[bytes, str | None, str, int, str]] = {
    "no type": (b"x", None, "", 415, "unsupported_media_type"),
    "another type": (b"x", "image/png", "", 415, "unsupported_media_type"),
    "no zip": (b"x", ZIP, "", 400, "malformed_archive"),
    "no tar": (b"x" * 600, "application/x-tar", "", 400, "malformed_archive"),
    "no gzip": (b"x" * 600, "application/gzip", "", 400, "malformed_archive"),
    "cut off": (a_zip()[:-40], ZIP, "", 400, "malformed_archive"),
    "nothing in it": (a_zip({"folder/": b""}), ZIP, "", 400, "empty_body"),
    "no form": (b"x", "multipart/form-data", "", 400, "malformed_multipart"),
    "an unknown source": (b'{"source": "x"}', JSON, "", 400, "unknown_source"),
    "a way out": (
        b'{"source": "photos", "prefix": "a/../.."}',
        JSON,
        "",
        400,
        "invalid_parameter",
    ),
    "from the root": (
        b'{"source": "photos", "prefix": "/etc"}',
        JSON,
        "",
        400,
        "invalid_parameter",
    ),
    "an empty part": (
        b'{"source": "photos", "prefix": "a//"}',
        JSON,
        "",
        400,
        "invalid_parameter",
    ),
    "odd characters": (
        b'{"source": "photos", "prefix": "\\u0000"}',
        JSON,
        "",
        400,
        "malformed_json",
    ),
    "no source": (b'{"prefix": "a"}', JSON, "", 400, "malformed_json"),
    "no JSON": (b"{", JSON, "", 400, "malformed_json"),
    "too much JSON": (b" " * 70_000, JSON, "", 413, "payload_too_large"),
    "too many labels": (a_zip(), ZIP, "&top_k=11", 400, "invalid_parameter"),
    "no number": (a_zip(), ZIP, "&top_k=x", 400, "invalid_parameter"),
    "a webhook at home": (a_zip(), ZIP, "&webhook=http://127.0.0.1/x", 400, "webhook_refused"),
    "no alias": (a_zip(), ZIP, "&alias=", 400, "invalid_parameter"),
    "another alias": (a_zip(), ZIP, "&alias=nobody", 404, "unknown_alias"),
}


async def test_what_is_refused_leaves_nothing(
    settings: GatewaySettings, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(job_sources={"photos": "file:///data/photos"})
    for name, (content, content_type, query, status, code) in REFUSED.items():
        answer = await post(gateway, content, content_type, query)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), name
    assert (await jobs_of(gateway), stored_files(settings)) == ([], [])
    assert list((settings.state_dir / "uploads").iterdir()) == []


async def test_compressed_bodies_and_odd_keys_are_refused(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    answer = await post(gateway, a_zip(), ZIP, Content_Encoding="gzip")
    assert answer.status_code == 415
    for odd in ("", "a b", "x" * 256):
        answer = await post(gateway, a_zip(), ZIP, Idempotency_Key=odd)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_parameter")


async def test_limits_of_one_job_hold_for_what_it_unpacks_to(
    settings: GatewaySettings, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(job_max_items=300, job_max_bytes=10_000)
    for files in (dict.fromkeys(map(str, range(301)), b""), {"a": bytes(6000), "b": bytes(6000)}):
        for content, content_type in ((a_zip(files), ZIP), (a_tar(files), "application/x-tar")):
            answer = await post(gateway, content, content_type)
            code = answer.json()["error"]["code"]
            assert code in {"payload_too_large", "malformed_archive"}, content_type
    # The names are kept, too.
    form = [("file", ("n" * 500, b"")) for _ in range(16)]
    limited = await start_gateway(job_max_bytes=7900)
    answer = await limited.client.post("/v1/jobs?alias=digits", files=form, headers=gateway.ui)
    assert answer.status_code == 413
    assert (await jobs_of(gateway), stored_files(settings)) == ([], [])


async def test_a_job_that_breaks_off_after_its_first_chunk_has_failed_and_keeps_no_items(
    settings: GatewaySettings, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(job_max_items=300)
    files = dict.fromkeys(map(str, range(301)), b"1")

    answer = await post(gateway, a_zip(files), ZIP, Idempotency_Key="a")

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "payload_too_large")
    (job,) = await jobs_of(gateway)
    assert (job["state"], job["items"], job["is_whole"]) == ("failed", 256, False)
    assert job["sentence"] == "it was not taken: at most 300 items are taken in one job"
    assert stored_files(settings) == []
    # Its key is free again.
    again = await post(gateway, a_zip(), ZIP, Idempotency_Key="a")
    assert again.status_code == 202


async def test_a_key_has_so_many_jobs_and_bytes(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(jobs_per_key=2, job_bytes_per_key=7000)
    first = await post(gateway, a_zip(), ZIP)
    assert first.status_code == 202
    for content in (bytes(7000), a_zip({"a": bytes(6000)})):
        answer = await post(gateway, content, ZIP)
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "job_quota")
    both = await asyncio.gather(*(post(gateway, a_zip({"a": b"1"}), ZIP) for _ in range(2)))
    assert sorted(it.status_code for it in both) == [202, 429]


async def test_a_key_pays_for_what_it_sends(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    terms = {"name": "a", "scopes": ["predict"], "bytes_per_minute": 1000, "allowed": ["digits"]}
    made = await gateway.client.post("/v1/admin/keys", json=terms, headers=gateway.admin)
    key = {"X-API-Key": made.json()["key"], "Content-Type": ZIP}

    async def undeclared() -> AsyncIterator[bytes]:
        yield b"#" * 1000
        yield a_zip()

    for content in (bytes(1001), undeclared()):
        answer = await gateway.client.post("/v1/jobs?alias=digits", content=content, headers=key)
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limited")
    answer = await gateway.client.post("/v1/jobs?alias=topics", content=b"", headers=key)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "alias_forbidden")


async def test_a_storage_that_takes_nothing_is_503(
    settings: GatewaySettings, start_gateway: StartGateway
) -> None:
    settings.state_dir.mkdir(exist_ok=True)
    (settings.state_dir / "jobs").write_text("no folder")
    gateway = await start_gateway()

    answer = await post(gateway, a_zip(), ZIP)

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "storage_unavailable")


async def test_a_disk_without_room_for_an_archive_is_503(
    settings: GatewaySettings, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    (settings.state_dir / "uploads").write_text("no folder")

    answer = await post(gateway, a_zip(), ZIP)

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "storage_unavailable")
    assert await jobs_of(gateway) == []
