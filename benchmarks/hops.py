"""Where a stack's CPU goes: per image, by process and thread, beside a plain loop of the same code.

python -m benchmarks.hops [--network tiny|resnet18|resnet50 ...] [--release REPOSITORY/NAME_rN ...]

Without either, the networks of the report, which are made and exported once.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

import grpc
import uvloop
from tritonclient.grpc import service_pb2, service_pb2_grpc

from benchmarks.comparison.floor_run import Work, same_code_floor
from benchmarks.comparison.pictures_on_disk import Pictures, make_common_pictures
from benchmarks.gateway_cost import Asker, gateway_asker
from benchmarks.local_stack import LocalStack, local_stack
from benchmarks.network_cache import NETWORKS, prepare
from benchmarks.report import footnotes
from benchmarks.thread_cpu import Cpu, thread_seconds
from python_backends.shared.contract import IMAGE, encode_bytes_tensor

_REPORT: Final = Path(__file__).resolve().parent / "results" / "hops.md"
_NO_PROXY: Final = (("grpc.enable_http_proxy", 0), ("grpc.max_send_message_length", -1))
_REST_SECONDS: Final = 10.0
_BATCH: Final = 8
_WARM_SHARE: Final = 0.2
_LEAST_MS: Final = 0.01  # what has no more of it is left out


@dataclass(frozen=True)
class Way:
    """One way to ask, by so many clients at once, with so many images in each request."""

    name: str
    clients: int
    items: int
    open_asker: Callable[[LocalStack, str, list[bytes]], Awaitable[Asker]]


@dataclass(frozen=True)
class Spent:
    """CPU milliseconds per image by thread, and how fast it went."""

    cpu_ms: Cpu
    images_per_second: float
    p50_ms: float


async def direct_asker(stack: LocalStack, release: str, images: list[bytes]) -> Asker:
    """One gRPC channel to Triton, with a request made once."""
    channel = grpc.aio.insecure_channel(stack.triton["grpc"], options=_NO_PROXY)
    stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
    tensor = service_pb2.ModelInferRequest.InferInputTensor(
        name=IMAGE.name, datatype=IMAGE.dtype, shape=[len(images), 1]
    )
    request = service_pb2.ModelInferRequest(
        model_name=release, inputs=[tensor], raw_input_contents=[encode_bytes_tensor(images)]
    )

    async def ask() -> None:
        await stub.ModelInfer(request)

    return ask


async def through_gateway(stack: LocalStack, release: str, images: list[bytes]) -> Asker:
    """One HTTP connection to the gateway, one image in a request."""
    return await gateway_asker(stack, release.rpartition("_r")[0], images[0])


WAYS: Final = (
    Way("gateway, 1 client", 1, 1, through_gateway),
    Way("gateway, 16 clients", 16, 1, through_gateway),
    Way("direct, 1 client", 1, 1, direct_asker),
    Way("direct, 16 clients", 16, 1, direct_asker),
    Way(f"direct, 2 clients, batches of {_BATCH}", 2, _BATCH, direct_asker),
)


async def run_round(stack: LocalStack, way: Way, askers: list[Asker], seconds: float) -> Spent:
    """Let every client ask again and again for so long, and wait for the last answers."""
    waits_ms = list[float]()
    before, began = thread_seconds(pids_of(stack)), time.perf_counter()
    deadline = began + seconds

    async def client(ask: Asker) -> None:
        while (asked := time.perf_counter()) < deadline:
            await ask()
            waits_ms.append((time.perf_counter() - asked) * 1000)

    await asyncio.gather(*map(client, askers))
    seconds = time.perf_counter() - began
    after = thread_seconds(pids_of(stack))
    answered = len(waits_ms) * way.items
    return Spent(_ms(before, after, answered), answered / seconds, median(waits_ms))


async def at_rest(stack: LocalStack) -> Cpu:
    """CPU milliseconds per second while nobody asks anything."""
    before = thread_seconds(pids_of(stack))
    await asyncio.sleep(_REST_SECONDS)
    after = thread_seconds(pids_of(stack))
    return _ms(before, after, _REST_SECONDS)


def _ms(before: Cpu, after: Cpu, share: float) -> Cpu:
    spent = {it: (after[it] - before[it]) / share * 1000 for it in after}
    return defaultdict(float, spent)


def pids_of(stack: LocalStack) -> list[int]:
    """Everything that `triptych up` has started for this stack."""
    own = os.getpid()
    folder = str(stack.state_dir.resolve())
    return [pid for pid in _pids_that_know(folder) if pid != own]


def _pids_that_know(folder: str) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes()
            command = (entry / "cmdline").read_bytes()
        except OSError:  # gone, or somebody else's
            continue
        if folder.encode() in environment + command:
            found.append(int(entry.name))
    return found


def middle(rounds: Sequence[Spent]) -> Spent:
    """Medians of each number by itself."""
    threads = {it for each in rounds for it in each.cpu_ms}
    return Spent(
        defaultdict(float, {it: median(each.cpu_ms[it] for each in rounds) for it in threads}),
        median(spent.images_per_second for spent in rounds),
        median(spent.p50_ms for spent in rounds),
    )


async def measure(
    stack: LocalStack,
    release: str,
    pictures: Pictures,
    loops: Mapping[int, Work],
    asked: argparse.Namespace,
) -> tuple[dict[str, Spent], dict[int, float]]:
    """All ways and the floor in turn, so that a busy minute of the machine meets all of them."""
    spent: dict[str, list[Spent]] = {way.name: [] for way in WAYS}
    floors: dict[int, list[float]] = {batch: [] for batch in loops}
    for _ in range(asked.rounds):
        for way in WAYS:
            # Opened anew, because the gateway ends connections that idle while others are measured.
            contents = list(pictures.contents[: way.items])
            open_one = partial(way.open_asker, stack, release, contents)
            askers = [await open_one() for _ in range(way.clients)]
            await run_round(stack, way, askers, asked.seconds * _WARM_SHARE)
            spent[way.name].append(await run_round(stack, way, askers, asked.seconds))
        for batch, work in loops.items():
            load, cpu_seconds = work(asked.seconds)
            floors[batch].append(cpu_seconds / load.images * 1000)
    return (
        {name: middle(seen) for name, seen in spent.items()},
        {batch: median(seen) for batch, seen in floors.items()},
    )


def to_markdown(title: str, spent: dict[str, Spent], rest: Cpu, floors: dict[int, float]) -> str:
    """One table: threads down, ways across."""
    threads = sorted({it for each in spent.values() for it in each.cpu_ms} | set(rest))
    head = ["process", "thread", *spent, "at rest, ms per second"]
    rows = []
    for thread in threads:
        figures = [it.cpu_ms[thread] for it in spent.values()]
        if max(rest[thread] / 10, *figures) >= _LEAST_MS:
            rows.append([*thread, *(f"{it:.2f}" for it in figures), f"{rest[thread]:.1f}"])
    totals = {name: sum(it.cpu_ms.values()) for name, it in spent.items()}
    of_floor = {way.name: floors[way.items] for way in WAYS}
    rows += [
        ["**all**", "", *(f"**{it:.2f}**" for it in totals.values()), f"{sum(rest.values()):.1f}"],
        ["floor", "", *(f"{of_floor[name]:.2f}" for name in totals), ""],
        ["ratio", "", *(f"**{it / of_floor[name]:.2f}**" for name, it in totals.items()), ""],
        ["images/s", "", *(f"{it.images_per_second:.0f}" for it in spent.values()), ""],
        ["p50 ms of a request", "", *(f"{it.p50_ms:.1f}" for it in spent.values()), ""],
    ]
    lines = [" | ".join(row) for row in [head, ["---"] * 2 + ["---:"] * (len(head) - 2), *rows]]
    return "\n".join([f"## {title}", "", *(f"| {line} |" for line in lines), ""])


def measure_release(place: Path, asked: argparse.Namespace) -> str:
    """Start a stack without UI around the repository of one release, and measure it."""
    cores = len(os.sched_getaffinity(0))
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        pictures = make_common_pictures(folder)
        loops = {
            batch: running.enter_context(same_code_floor(place, pictures.folder, batch, cores))
            for batch in (1, _BATCH)
        }
        stack = running.enter_context(local_stack(folder / "state", place.parent, "--no-ui"))
        stack.wait_for_worker()
        spent, floors = uvloop.run(measure(stack, place.name, pictures, loops, asked))
        rest = uvloop.run(at_rest(stack))
    return to_markdown(place.name, spent, rest, floors)


def releases(asked: argparse.Namespace) -> list[Path]:
    """What to measure; networks of the report are made if need be."""
    named = [Path(it) for it in asked.release]
    wanted = asked.network or ([] if named else [network.name for network in NETWORKS])
    networks = [network for network in NETWORKS if network.name in wanted]
    for network in networks:
        prepare(network)
    return [*named, *(network.repository / network.release for network in networks)]


def main() -> None:
    """Measure each release that was named, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--release", action="append", default=[], help="REPOSITORY/NAME_rN")
    parser.add_argument("--network", action="append", choices=[it.name for it in NETWORKS])
    parser.add_argument("--seconds", type=float, default=3.0, help="of each way in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--report", type=Path, default=_REPORT)
    asked = parser.parse_args()
    tables = [measure_release(place, asked) for place in releases(asked)]
    introduction = (
        "CPU in milliseconds per image, of every thread of the stack; 500x375 JPEGs. The floor is "
        "a loop on all cores with the same decoder, the same engine on as many threads and the "
        "same answer, one image or eight at once. Everything shares the machine's cores. "
        "Written by `python -m benchmarks.hops`."
    )
    text = "\n".join(["# Where the CPU goes", "", introduction, "", *tables, *footnotes(), ""])
    asked.report.write_text(text)
    print(text)  # noqa: T201 - the answer of this program


if __name__ == "__main__":
    main()
