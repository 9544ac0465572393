"""Five times what a release can do: how long admitted requests take, and how soon others are told.

python -m benchmarks.overload --resnet DIR [--seconds 30] [--times 5]
"""

from __future__ import annotations

import argparse
import asyncio
import os
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
from benchmarks.report import footnotes
from python_backends.shared.contract import IMAGE, encode_bytes_tensor

_PROJECT: Final = Path(__file__).resolve().parents[1]
_UNLOADED_REQUESTS: Final = 150
_CAPACITY_SECONDS: Final = 8.0
_CAPACITY_CLIENTS: Final = 8
_IDLE_SECONDS: Final = 3.0  # the server closes what is idle for five
_BATCH: Final = 32
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


@dataclass(frozen=True)
class Report:
    """What was measured; times in milliseconds."""

    alone: Outcome
    batch_ms: float
    possible_per_second: float
    offered_per_second: float
    seconds: float
    outcome: Outcome
    cpu_cores: tuple[float, float, float]  # generator, gateway, Triton
    memory_mib: tuple[int, int]  # of the gateway, before and after


async def run(stack: LocalStack, release: str, seconds: float, times: float) -> Report:
    """Measure all of it, one after the other."""
    image = padded_jpeg()
    gate = Gate(stack, release.rpartition("_r")[0], image)
    gateway = psutil.Process(stack.description["gateway"]["pid"])
    await overload(gate, 20, 3)  # warm
    alone = await unloaded(gate)
    one_batch_ms = await batch_ms(stack, release, image, _BATCH)
    possible = await capacity(stack, release, image)
    pids = (os.getpid(), gateway.pid, stack.triton["pid"])
    rss_before, cpu_before = gateway.memory_info().rss, [tree_cpu_seconds(pid) for pid in pids]
    outcome = await overload(gate, times * possible, seconds)
    generator, front, triton = (
        (tree_cpu_seconds(pid) - before) / seconds
        for pid, before in zip(pids, cpu_before, strict=True)
    )
    return Report(
        alone=alone,
        batch_ms=one_batch_ms,
        possible_per_second=possible,
        offered_per_second=times * possible,
        seconds=seconds,
        outcome=outcome,
        cpu_cores=(generator, front, triton),
        memory_mib=(rss_before >> 20, gateway.memory_info().rss >> 20),
    )


def to_markdown(it: Report, times: float) -> str:
    """The report as it is committed."""
    alone_p99 = quantile(it.alone.answered, 0.99)
    answered, rejected = it.outcome.answered, it.outcome.rejected
    statuses = ", ".join(
        f"{count} x {status}" for status, count in sorted(it.outcome.statuses.items())
    )
    rows = {
        "Unloaded, one after the other": f"p50 {quantile(it.alone.answered, 0.5):.0f} ms, "
        f"p99 {alone_p99:.0f} ms",
        f"One batch of {_BATCH}, straight to Triton": f"{it.batch_ms:.0f} ms",
        "Capacity, eight clients straight to Triton": f"{it.possible_per_second:.1f}/s",
        f"Offered ({times:g} times that, Poisson, one key)": f"{it.offered_per_second:.0f}/s "
        f"for {it.seconds:.0f} s: {statuses}",
        "Answered": f"{len(answered) / it.seconds:.1f}/s, p50 {quantile(answered, 0.5):.0f} ms, "
        f"p99 {quantile(answered, 0.99):.0f} ms",
        "Bound: twice the unloaded p99 plus one batch": f"{2 * alone_p99 + it.batch_ms:.0f} ms",
        "Rejected": f"p50 {quantile(rejected, 0.5):.1f} ms, p99 {quantile(rejected, 0.99):.1f} ms, "
        f"slowest {max(rejected):.0f} ms",
        "CPU, cores": "generator {:.2f}, gateway {:.2f}, Triton {:.2f}".format(*it.cpu_cores),
        "Gateway's memory, before and after": "{} and {} MiB".format(*it.memory_mib),
    }
    return "\n".join(
        [
            "# More than can be answered",
            "",
            "ResNet-18 at 224x224 on ONNX Runtime, 70 KB JPEGs to `/v1/predict/{alias}`. The "
            "generator waits for nobody and shares the machine's cores. "
            "Written by `make bench-gateway`.",
            "",
            "| | |",
            "| --- | --- |",
            *(f"| {name} | {value} |" for name, value in rows.items()),
            "",
            *footnotes(),
            "",
        ]
    )


def main() -> None:
    """Start a stack without UI, measure, write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resnet", type=Path, required=True, help="repository with resnet_r1")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--times", type=float, default=5)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        local_stack(Path(folder) / "state", asked.resnet, "--no-ui") as stack,
    ):
        measured = asyncio.run(run(stack, "resnet_r1", asked.seconds, asked.times))
    text = to_markdown(measured, asked.times)
    (_PROJECT / "benchmarks" / "results" / "overload.md").write_text(text)
    print(text)  # noqa: T201 - the answer of `make bench-gateway`


if __name__ == "__main__":
    main()
