"""A FastAPI application with a Triton of its own behind it, counted as one server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.network_cache import Network
from benchmarks.servers.bare_triton import start_plain
from benchmarks.servers.server import Server
from benchmarks.servers.uvicorn_process import start_uvicorn


@contextmanager
def start_before_triton(application: str, network: Network, scratch: Path) -> Iterator[Server]:
    """Start Triton with the bare network, then the application, told where it is."""
    with start_plain(network, scratch) as triton:
        (scratch / "triton-http").write_text(f"http://{triton.http}")
        (scratch / "triton-grpc").write_text(triton.grpc)
        (scratch / "triton-model").write_text(network.plain_model)
        with start_uvicorn(application, scratch) as front:
            yield Server(http=front.http, pids=(*front.pids, *triton.pids))
