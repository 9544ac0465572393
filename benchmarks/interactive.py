"""Somebody who waits for each answer and then thinks for a while: what a person's use is like."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from statistics import quantiles
from typing import Final
from urllib.parse import urlsplit

from benchmarks.local_stack import LocalStack
from benchmarks.raw_http import RawConnection, post

_PER_SECOND: Final = 40.0


@dataclass(frozen=True)
class Waits:
    """How long answers took."""

    p50_ms: float
    p99_ms: float
    requests: int


def measured_waits(stack: LocalStack, picture: bytes, seconds: float) -> Waits:
    """Ask for predictions of a picture for so long, at random moments.

    Raises:
        RuntimeError: one was not answered.
    """
    return asyncio.run(_ask(stack, picture, seconds))


async def _ask(stack: LocalStack, picture: bytes, seconds: float) -> Waits:
    headers = {"Authorization": f"Bearer {stack.admin_key}", "Content-Type": "image/jpeg"}
    request = post("/v1/predict/digits", picture, headers)
    address = urlsplit(stack.gateway_url)
    connection = await RawConnection.open(address.hostname or "", address.port or 0)
    chance, waits, end = random.Random(9), list[float](), time.perf_counter() + seconds  # noqa: S311 - a load
    while time.perf_counter() < end:
        started = time.perf_counter()
        reply = await connection.ask(request)
        waits.append((time.perf_counter() - started) * 1000)
        if reply.status != 200:
            raise RuntimeError(f"{reply.status} {reply.body[:200].decode(errors='replace')}")
        await asyncio.sleep(chance.expovariate(_PER_SECOND))
    connection.close()
    hundredths = quantiles(waits, n=100)
    return Waits(hundredths[49], hundredths[98], len(waits))
