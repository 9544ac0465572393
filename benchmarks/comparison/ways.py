"""Who is compared: each server, and the ways in which it can be asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.comparison import grpc_client, http_client
from benchmarks.comparison.http_client import HttpClient, HttpForm
from benchmarks.comparison.load import Client
from benchmarks.network_cache import Network
from benchmarks.servers import (
    bare_triton,
    fastapi_triton_grpc,
    fastapi_triton_json,
    naive_fastapi,
    our_stack,
)
from benchmarks.servers.server import Server

Batches = Sequence[Sequence[bytes]]
# Makes the requests once; what comes back makes one client after the other.
Prepare = Callable[[Server, Network, Batches], Callable[[], Client]]
Start = Callable[[Network, Path], AbstractContextManager[Server]]

FLOOR: Final = "floor: plain loop, one process per core"
SAME_CODE_FLOOR: Final = "loop of the release's own code, all cores"


@dataclass(frozen=True)
class Way:
    """One way to ask."""

    title: str
    prepare: Prepare


@dataclass(frozen=True)
class Contender:
    """One server, and the ways to ask it."""

    title: str
    start: Start
    ways: tuple[Way, ...]


def _over_http(
    form: HttpForm, server: Server, network: Network, batches: Batches
) -> Callable[[], Client]:
    requests = http_client.make_requests(form, network.name, server.key, batches)
    return partial(HttpClient, server.http, requests, form)


def _over_grpc(server: Server, network: Network, batches: Batches) -> Callable[[], Client]:
    requests = grpc_client.make_requests(network.release, batches)
    return partial(grpc_client.GrpcClient, server.grpc, requests, len(batches[0]))


def _in_shared_memory(server: Server, network: Network, batches: Batches) -> Callable[[], Client]:
    pictures = [picture for batch in batches for picture in batch]
    return partial(
        grpc_client.SharedMemoryClient, server.grpc, server.key, network.release, pictures
    )


DIRECT: Final = Way("direct gRPC to Triton", _over_grpc)
RAW: Final = Way("gateway REST, raw body", partial(_over_http, http_client.RAW))
MULTIPART: Final = Way("gateway REST, multipart", partial(_over_http, http_client.MULTIPART))
OPEN_INFERENCE: Final = Way(
    "gateway Open Inference, binary", partial(_over_http, http_client.OPEN_INFERENCE)
)
SHARED_MEMORY: Final = Way("Triton alone, system shared memory", _in_shared_memory)
_NAIVE_FORM: Final = partial(_over_http, http_client.NAIVE)
NAIVE: Final = Way("naive FastAPI + ONNX Runtime, 2 workers", _NAIVE_FORM)

STACK: Final = Contender("our stack", our_stack.start, (DIRECT, RAW, MULTIPART, OPEN_INFERENCE))
GATEWAY: Final = Contender("our stack, through the gateway", our_stack.start, (RAW,))
NAIVE_SERVER: Final = Contender("naive FastAPI", naive_fastapi.start, (NAIVE,))
BARE_TRITON: Final = Contender(
    "Triton alone",
    bare_triton.start,
    (Way("Triton alone, direct gRPC", _over_grpc), SHARED_MEMORY),
)
BEFORE_TRITON: Final = (
    Contender(
        "FastAPI before Triton, JSON",
        fastapi_triton_json.start,
        (Way("FastAPI, nested JSON to Triton", _NAIVE_FORM),),
    ),
    Contender(
        "FastAPI before Triton, gRPC",
        fastapi_triton_grpc.start,
        (Way("FastAPI, binary gRPC to Triton", _NAIVE_FORM),),
    ),
)
CONTENDERS: Final = (NAIVE_SERVER, STACK, BARE_TRITON, *BEFORE_TRITON)
