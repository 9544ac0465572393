"""Five times what a release can do: how long admitted requests take, and how soon others are told.

python -m benchmarks.overload --repository DIR --release resnet_r1 [--seconds 30] [--times 5]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import grpc
import psutil
from tritonclient.grpc import service_pb2, service_pb2_grpc

from benchmarks.gateway_cost import padded_jpeg
from benchmarks.local_stack import LocalStack, local_stack
from benchmarks.process_cpu import tree_cpu_seconds
from benchmarks.raw_http import RawConnection, post
from python_backends.shared.contract import IMAGE, encode_bytes_tensor

_UNLOADED_REQUESTS: Final = 150
_CAPACITY_SECONDS: Final = 8.0
_CAPACITY_CLIENTS: Final = 8
_IDLE_SECONDS: Final = 3.0  # the server closes what is idle for five
_SEED: Final = 20251122


@dataclass
class Outcome:
    """What became of many requests; times in milliseconds."""

    answered: list[float] = field(default_factory=list)
    rejected: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def note(self, status: int, started: float) -> None:
        """Count one answer."""
        self.statuses[status] += 1
        milliseconds = (time.perf_counter() - started) * 1000
        (self.answered if status == 200 else self.rejected).append(milliseconds)


class Gate:
    """The gateway as the generator sees it: connections are kept and used again."""

    def __init__(self, stack: LocalStack, alias: str, image: bytes) -> None:
        address = urlsplit(stack.gateway_url)
        self._host, self._port = str(address.hostname), int(address.port or 80)
        headers = {"X-API-Key": stack.admin_key, "Content-Type": "image/jpeg"}
        self._request = post(f"/v1/predict/{alias}", image, headers)
        self._idle: list[tuple[float, RawConnection]] = []

    async def ask(self, outcome: Outcome) -> None:
        """Send the picture once."""
        started = time.perf_counter()
        connection = await self._connection(started)
        reply = await connection.ask(self._request)
        outcome.note(reply.status, started)
        if reply.keeps_alive:
            self._idle.append((time.perf_counter(), connection))
        else:
            connection.close()

    async def _connection(self, now: float) -> RawConnection:
        while self._idle:
            since, connection = self._idle.pop()
            if now - since < _IDLE_SECONDS:
                return connection
            connection.close()
        return await RawConnection.open(self._host, self._port)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which so many lie."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else float("nan")


async def unloaded(gate: Gate) -> Outcome:
    """One after the other."""
    outcome = Outcome()
    for _ in range(_UNLOADED_REQUESTS):
        await gate.ask(outcome)
    return outcome


async def capacity(stack: LocalStack, release: str, image: bytes) -> float:
    """Answers per second that Triton itself gives to a few clients who never pause."""
    deadline = time.perf_counter() + _CAPACITY_SECONDS
    answered = 0

    async def client() -> None:
        nonlocal answered
        async with _channel(stack) as channel:
            stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            while time.perf_counter() < deadline:
                await stub.ModelInfer(_request(release, [image]))
                answered += 1

    await asyncio.gather(*(client() for _ in range(_CAPACITY_CLIENTS)))
    return answered / _CAPACITY_SECONDS


async def batch_ms(stack: LocalStack, release: str, image: bytes, size: int) -> float:
    """How long Triton takes for one full batch, the median of three."""
    times = []
    async with _channel(stack) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        for _ in range(3):
            started = time.perf_counter()
            await stub.ModelInfer(_request(release, [image] * size))
            times.append((time.perf_counter() - started) * 1000)
    return quantile(times, 0.5)


def _channel(stack: LocalStack) -> grpc.aio.Channel:
    options = (("grpc.enable_http_proxy", 0), ("grpc.max_send_message_length", -1))
    return grpc.aio.insecure_channel(stack.triton["grpc"], options=options)


def _request(release: str, images: Sequence[bytes]) -> object:
    tensor = service_pb2.ModelInferRequest.InferInputTensor(
        name=IMAGE.name, datatype=IMAGE.dtype, shape=[len(images), 1]
    )
    return service_pb2.ModelInferRequest(
        model_name=release, inputs=[tensor], raw_input_contents=[encode_bytes_tensor(images)]
    )


async def overload(gate: Gate, per_second: float, seconds: float) -> Outcome:
    """Poisson arrivals that wait for nobody."""
    outcome, pauses = Outcome(), random.Random(_SEED)  # noqa: S311 - no secret
    tasks: set[asyncio.Task[None]] = set()
    started = due = time.perf_counter()
    while due < started + seconds:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        task = asyncio.create_task(gate.ask(outcome))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        due += pauses.expovariate(per_second)
    await asyncio.gather(*tasks)
    return outcome


async def run(stack: LocalStack, release: str, seconds: float, times: float) -> str:
    """Measure all of it, one after the other."""
    image = padded_jpeg()
    gate = Gate(stack, release.rpartition("_r")[0], image)
    gateway = psutil.Process(stack.description["gateway"]["pid"])
    generator = psutil.Process()
    await overload(gate, 20, 3)  # warm
    alone = await unloaded(gate)
    one_batch_ms = await batch_ms(stack, release, image, 32)
    possible = await capacity(stack, release, image)
    pids = (generator.pid, gateway.pid, stack.triton["pid"])
    rss_before, cpu_before = gateway.memory_info().rss, [tree_cpu_seconds(pid) for pid in pids]
    outcome = await overload(gate, times * possible, seconds)
    cpu = [
        (tree_cpu_seconds(pid) - before) / seconds
        for pid, before in zip(pids, cpu_before, strict=True)
    ]
    rss_after = gateway.memory_info().rss
    bound = 2 * quantile(alone.answered, 0.99) + one_batch_ms
    return "\n".join(
        [
            f"unloaded p50 {quantile(alone.answered, 0.5):.0f} ms, "
            f"p99 {quantile(alone.answered, 0.99):.0f} ms; one batch of 32: {one_batch_ms:.0f} ms; "
            f"capacity {possible:.1f}/s",
            f"offered {times * possible:.0f}/s for {seconds:.0f} s: {dict(outcome.statuses)}",
            f"answered {len(outcome.answered) / seconds:.1f}/s, "
            f"p50 {quantile(outcome.answered, 0.5):.0f} ms, "
            f"p99 {quantile(outcome.answered, 0.99):.0f} ms (bound {bound:.0f} ms)",
            f"rejected p50 {quantile(outcome.rejected, 0.5):.1f} ms, "
            f"p99 {quantile(outcome.rejected, 0.99):.1f} ms, max {max(outcome.rejected):.1f} ms",
            f"CPU cores: generator {cpu[0]:.2f}, gateway {cpu[1]:.2f}, Triton {cpu[2]:.2f}",
            f"gateway memory {rss_before >> 20} -> {rss_after >> 20} MiB",
        ]
    )


def main() -> None:
    """Start a stack without UI and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repository", type=Path, required=True)
    parser.add_argument("--release", required=True)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--times", type=float, default=5)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        local_stack(Path(folder) / "state", asked.repository, "--no-ui") as stack,
    ):
        text = asyncio.run(run(stack, asked.release, asked.seconds, asked.times))
    print(text)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
