"""FastAPI doing pre- and postprocessing, and Triton asked with binary tensors over gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.network_cache import Network
from benchmarks.servers.before_triton import start_before_triton
from benchmarks.servers.server import Server


@contextmanager
def start(network: Network, scratch: Path) -> Iterator[Server]:
    """Start both."""
    with start_before_triton("benchmarks.servers.triton_grpc_app:app", network, scratch) as server:
        yield server
