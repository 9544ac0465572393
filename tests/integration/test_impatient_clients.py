"""Clients that leave, or give a request no time, end nothing but their own request.

Triton 2.51 can crash when a gRPC call is cancelled or its deadline passes (docs/adr/0015): with
calls that are cancelled it was dead after 2,500 to 5,200 such requests.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from benchmarks.local_stack import LocalStack, local_stack
from benchmarks.raw_http import post
from tests import pictures
from tests.word_votes import repository_with_words

_REQUESTS = 1000
_CLIENTS = 8


async def _leave(stack: LocalStack, request: bytes, seconds: float) -> None:
    address = urlsplit(stack.gateway_url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(request)
    await asyncio.sleep(seconds)
    writer.transport.abort()


async def _storm(stack: LocalStack, timeout_ms: int | None) -> None:
    left, pauses = _REQUESTS, random.Random(7)  # noqa: S311 - no secret
    headers = {"X-API-Key": stack.admin_key, "Content-Type": "image/jpeg"}
    if timeout_ms:
        headers["X-Request-Timeout-Ms"] = str(timeout_ms)
    request = post("/v1/predict/digits", pictures.seven_jpeg(), headers)

    async def client() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await _leave(stack, request, 0.05 if timeout_ms else pauses.uniform(0.001, 0.012))

    async with asyncio.timeout(120):
        await asyncio.gather(*(client() for _ in range(_CLIENTS)))


@pytest.mark.long
@pytest.mark.parametrize("timeout_ms", [None, 4])
def test_a_storm_of_impatient_clients_leaves_triton_as_it_was(
    tmp_path: Path, timeout_ms: int | None
) -> None:
    repository = repository_with_words(tmp_path / "models")
    with local_stack(tmp_path / "state", repository, "--no-ui") as stack:
        asyncio.run(_storm(stack, timeout_ms))
        assert psutil.pid_exists(stack.triton["pid"])
        answer = httpx.post(
            f"{stack.gateway_url}/v1/predict/digits",
            content=pictures.seven_jpeg(),
            headers={"X-API-Key": stack.admin_key, "Content-Type": "image/jpeg"},
            timeout=20,
            trust_env=False,
        )
        assert answer.status_code == 200
        assert answer.json()["predictions"][0]["label"] == "7"
