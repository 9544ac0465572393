"""What the gateway costs: CPU per request over direct gRPC, and throughput beside it.

python -m benchmarks.gateway_cost [--repository DIR] [--requests 400] [--rounds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final
from urllib.parse import urlsplit

import grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

from benchmarks.local_stack import LocalStack, local_stack
from benchmarks.perf_analyzer import sample_jpegs
from benchmarks.process_cpu import tree_cpu_seconds
from benchmarks.raw_http import RawConnection, post
from python_backends.shared.contract import IMAGE, encode_bytes_tensor

_PROJECT: Final = Path(__file__).resolve().parents[1]
_CLIENTS: Final = (1, 16)
_WANTED_BYTES: Final = 70_000
_NO_PROXY: Final = (("grpc.enable_http_proxy", 0), ("grpc.max_send_message_length", -1))

# Answers one request; made once per client.
Asker = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Round:
    """So many requests over one way."""

    requests_per_second: float
    client_cpu_ms: float  # per request, as the two below
    triton_cpu_ms: float
    gateway_cpu_ms: float

    @property
    def cpu_ms(self) -> float:
        """All of it."""
        return self.client_cpu_ms + self.triton_cpu_ms + self.gateway_cpu_ms


@dataclass(frozen=True)
class Cost:
    """Medians over the rounds, at one number of clients."""

    clients: int
    direct: Round
    gateway: Round


def padded_jpeg() -> bytes:
    """A sample picture, brought to 70 KB by a comment: the gateway never looks inside."""
    smallest = min(sample_jpegs(), key=len)
    missing = _WANTED_BYTES - len(smallest)
    segments = b""
    while missing > 4:
        length = min(missing - 2, 65_535)
        segments += b"\xff\xfe" + length.to_bytes(2, "big") + bytes(length - 2)
        missing -= length + 2
    return smallest[:2] + segments + smallest[2:]


async def gateway_asker(stack: LocalStack, alias: str, image: bytes) -> Asker:
    """One HTTP connection to the gateway."""
    address = urlsplit(stack.gateway_url)
    connection = await RawConnection.open(str(address.hostname), int(address.port or 80))
    headers = {"X-API-Key": stack.admin_key, "Content-Type": "image/jpeg"}
    request = post(f"/v1/predict/{alias}", image, headers)

    async def ask() -> None:
        reply = await connection.ask(request)
        if reply.status != 200:
            raise RuntimeError(f"the gateway answered {reply.status}: {reply.body!r}")

    return ask


async def direct_asker(stack: LocalStack, release: str, image: bytes) -> Asker:
    """One gRPC channel to Triton, with a request made once."""
    channel = grpc.aio.insecure_channel(stack.triton["grpc"], options=_NO_PROXY)
    stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
    tensor = service_pb2.ModelInferRequest.InferInputTensor(
        name=IMAGE.name, datatype=IMAGE.dtype, shape=[1, 1]
    )
    request = service_pb2.ModelInferRequest(
        model_name=release, inputs=[tensor], raw_input_contents=[encode_bytes_tensor([image])]
    )

    async def ask() -> None:
        await stub.ModelInfer(request)

    return ask


async def run_round(stack: LocalStack, askers: list[Asker], requests: int) -> Round:
    """Let every client ask again and again until so many requests are answered."""
    left = requests
    pids = (os.getpid(), stack.triton["pid"], stack.description["gateway"]["pid"])

    async def client(ask: Asker) -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await ask()

    before, started = [tree_cpu_seconds(pid) for pid in pids], time.perf_counter()
    await asyncio.gather(*map(client, askers))
    seconds = time.perf_counter() - started
    of_client, of_triton, of_gateway = (
        (tree_cpu_seconds(pid) - earlier) / requests * 1000
        for pid, earlier in zip(pids, before, strict=True)
    )
    return Round(requests / seconds, of_client, of_triton, of_gateway)


def _median(rounds: list[Round]) -> Round:
    return Round(
        median(it.requests_per_second for it in rounds),
        median(it.client_cpu_ms for it in rounds),
        median(it.triton_cpu_ms for it in rounds),
        median(it.gateway_cpu_ms for it in rounds),
    )


async def measure(
    stack: LocalStack, release: str, *, clients: int, requests: int, rounds: int
) -> Cost:
    """Both ways in turn, so that a busy minute of the machine meets both."""
    image, alias = padded_jpeg(), release.rpartition("_r")[0]

    async def one(make: Callable[[], Awaitable[Asker]]) -> Round:
        askers = [await make() for _ in range(clients)]
        await run_round(stack, askers, max(clients, requests // 8))  # warm
        return await run_round(stack, askers, requests)

    pairs = [
        (
            await one(partial(direct_asker, stack, release, image)),
            await one(partial(gateway_asker, stack, alias, image)),
        )
        for _ in range(rounds)
    ]
    return Cost(clients, _median([it[0] for it in pairs]), _median([it[1] for it in pairs]))


def to_rows(costs: list[Cost]) -> list[str]:
    """The table, without its head."""
    return [
        f"| {it.clients} | {_cpu(it.direct)} | {_cpu(it.gateway)} "
        f"| {it.gateway.cpu_ms - it.direct.cpu_ms:.2f} "
        f"| {it.direct.requests_per_second:.0f} | {it.gateway.requests_per_second:.0f} "
        f"| {it.gateway.requests_per_second / it.direct.requests_per_second:.2f} |"
        for it in costs
    ]


def _cpu(it: Round) -> str:
    return f"{it.client_cpu_ms:.2f} + {it.gateway_cpu_ms:.2f} + {it.triton_cpu_ms:.2f}"


def main() -> None:
    """Start a stack without UI and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repository", type=Path, default=_PROJECT / "model_repository")
    parser.add_argument("--release", default="digits_r1")
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        local_stack(Path(folder) / "state", asked.repository, "--no-ui") as stack,
    ):
        costs = [
            asyncio.run(
                measure(
                    stack,
                    asked.release,
                    clients=clients,
                    requests=asked.requests,
                    rounds=asked.rounds,
                )
            )
            for clients in _CLIENTS
        ]
    print("\n".join(to_rows(costs)))  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
