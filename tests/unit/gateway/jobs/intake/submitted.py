"""Jobs that are given over HTTP, and what is kept of them."""

from __future__ import annotations

from typing import Any, Final

import httpx

from gateway.jobs.payload import JobItem, unpack
from gateway.jobs.payload_shelf import PayloadShelf, storage_url
from gateway.settings import GatewaySettings
from tests.unit.gateway.running_gateway import Gateway

ZIP: Final = "application/zip"
JSON: Final = "application/json"


async def post(
    gateway: Gateway, content: Any, content_type: str | None, query: str = "", **headers: str
) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    typed = {"Content-Type": content_type} if content_type else {}
    return await gateway.client.post(
        f"/v1/jobs?alias=digits{query}", content=content, headers=gateway.ui | typed | named
    )


async def jobs_of(gateway: Gateway) -> list[dict[str, Any]]:
    answer = await gateway.client.get("/v1/jobs", headers=gateway.ui)
    found: list[dict[str, Any]] = answer.json()["jobs"]
    return found


async def kept(settings: GatewaySettings, job: dict[str, Any]) -> list[JobItem]:
    """What lies in the storage of a job."""
    shelf = PayloadShelf(storage_url(settings))
    found: list[JobItem] = []
    number = 0
    while len(found) < job["items"]:
        items = unpack(await shelf.get(job["id"], number))
        assert isinstance(items, list)
        found, number = found + items, number + 1
    return found


def stored_files(settings: GatewaySettings) -> list[str]:
    return [str(it) for it in (settings.state_dir / "jobs").rglob("*") if it.is_file()]
