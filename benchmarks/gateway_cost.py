"""What the gateway costs: CPU per request over direct gRPC, and throughput beside it.

python -m benchmarks.gateway_cost --resnet DIR [--rounds 7]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
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
from benchmarks.report import footnotes
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


def to_markdown(tables: list[tuple[str, list[Cost]]]) -> str:
    """The report as it is committed."""
    parts = [
        "# What the gateway costs",
        "",
        "A 70 KB JPEG to `/v1/predict/{alias}` with a key, against the same bytes over gRPC "
        "straight to Triton, in turn, medians of the rounds. CPU in milliseconds per request, of "
        "the client, "
        'the gateway and Triton with its stubs; "added" is the sum of all three through the '
        "gateway less the sum without it. Everything shares the machine's cores. "
        "Written by `make bench-gateway`.",
    ]
    for name, costs in tables:
        parts += [
            "",
            f"## {name}",
            "",
            "| clients | direct: client + gateway (idle) + Triton | through the gateway | added "
            "| direct/s | through/s | ratio |",
            "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
            *map(_row, costs),
        ]
    return "\n".join([*parts, "", *footnotes(), ""])


def _row(cost: Cost) -> str:
    direct, gateway = cost.direct, cost.gateway
    ratio = gateway.requests_per_second / direct.requests_per_second
    return (
        f"| {cost.clients} | {_cpu(direct)} | {_cpu(gateway)} "
        f"| {gateway.cpu_ms - direct.cpu_ms:.2f} | {direct.requests_per_second:.0f} "
        f"| {gateway.requests_per_second:.0f} | {ratio:.2f} |"
    )


def _cpu(it: Round) -> str:
    return f"{it.client_cpu_ms:.2f} + {it.gateway_cpu_ms:.2f} + {it.triton_cpu_ms:.2f}"


def measure_release(repository: Path, release: str, requests: int, rounds: int) -> list[Cost]:
    """Start a stack without UI around one repository, and measure every number of clients."""
    with (
        tempfile.TemporaryDirectory() as folder,
        local_stack(Path(folder) / "state", repository, "--no-ui") as stack,
    ):
        return [
            asyncio.run(measure(stack, release, clients=it, requests=requests, rounds=rounds))
            for it in _CLIENTS
        ]


def main() -> None:
    """Measure a small network and one of ResNet-18's size, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resnet", type=Path, required=True, help="repository with resnet_r1")
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        digits = Path(folder)  # without what else was exported here: its canaries cost CPU, too
        for model in (_PROJECT / "model_repository").glob("digits_r1*"):
            shutil.copytree(model, digits / model.name)
        small = measure_release(digits, "digits_r1", 600, asked.rounds)
    large = measure_release(asked.resnet, "resnet_r1", 100, asked.rounds)
    tables = [
        ("digits_r1, 0.2 million parameters at 64x64", small),
        ("ResNet-18 at 224x224", large),
    ]
    text = to_markdown(tables)
    (_PROJECT / "benchmarks" / "results" / "gateway_cost.md").write_text(text)
    print(text)  # noqa: T201 - the answer of `make bench-gateway`


if __name__ == "__main__":
    main()
