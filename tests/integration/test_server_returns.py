"""A Triton that was away is used again soon after its supervisor says that it is ready."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.local_stack import LocalStack, local_stack
from tests import pictures

_REPOSITORY = Path(__file__).resolve().parents[2] / "model_repository"
_AIM_SECONDS = 0.5
_SLACK_SECONDS = 0.5  # of a machine that other things run on, and of how often we look
_MORE_THAN_CANARIES = 3


async def _ask_until(stack: LocalStack, over: asyncio.Event) -> int:
    """Ask one request after another; every one must be answered, and rightly."""
    headers = {"X-API-Key": stack.admin_key, "Content-Type": "image/jpeg"}
    asked = 0
    async with httpx.AsyncClient(
        base_url=stack.gateway_url, headers=headers, timeout=20, trust_env=False
    ) as client:
        while not over.is_set():
            answer = await client.post("/v1/predict/digits", content=pictures.seven_jpeg())
            assert answer.status_code == 200, answer.text
            assert answer.json()["predictions"][0]["label"] == "7"
            asked += 1
    return asked


async def _seconds_until_used(client: httpx.AsyncClient, triton: dict[str, Any]) -> float:
    """From the first word "ready" after a restart to the first requests of the gateway."""
    deadline = time.monotonic() + 60
    ready_at = 0.0
    while time.monotonic() < deadline:
        if not ready_at:
            status = (await client.get(f"{triton['supervisor']}/status")).json()
            if status["ready"] and status["starts"] == 2:
                ready_at, before = time.monotonic(), await _inferences(client, triton)
        elif await _inferences(client, triton) > before + _MORE_THAN_CANARIES:
            return time.monotonic() - ready_at
        await asyncio.sleep(0.02)
    raise AssertionError("the server was not used again within a minute")


async def _inferences(client: httpx.AsyncClient, triton: dict[str, Any]) -> int:
    answer = await client.get(f"{triton['http']}/v2/models/digits_r1/stats")
    return int(answer.json()["model_stats"][0]["inference_count"])


async def _story(stack: LocalStack) -> float:
    over = asyncio.Event()
    clients = [asyncio.create_task(_ask_until(stack, over)) for _ in range(8)]
    await asyncio.sleep(1)
    triton = stack.tritons[1]
    psutil.Process(triton["pid"]).send_signal(signal.SIGKILL)
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
        try:
            seconds = await _seconds_until_used(client, triton)
        finally:
            over.set()
            asked = await asyncio.gather(*clients)
    assert min(asked) > 0
    return seconds


def test_a_killed_triton_is_used_again_within_half_a_second_of_being_ready(
    tmp_path: Path,
) -> None:
    with local_stack(tmp_path, _REPOSITORY, "--no-ui", "--tritons", "2") as stack:
        seconds = asyncio.run(_story(stack))
    assert seconds < _AIM_SECONDS + _SLACK_SECONDS, f"it took {seconds:.2f} s"
