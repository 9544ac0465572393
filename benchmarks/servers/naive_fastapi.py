"""FastAPI with ONNX Runtime in the endpoint, two workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.network_cache import Network
from benchmarks.servers.server import Server
from benchmarks.servers.uvicorn_process import start_uvicorn


@contextmanager
def start(network: Network, scratch: Path) -> Iterator[Server]:
    """Start it beside its model.onnx."""
    (scratch / "model.onnx").symlink_to(network.onnx_file)
    with start_uvicorn("benchmarks.servers.naive_app:app", scratch) as server:
        yield server
