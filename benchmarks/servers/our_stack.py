"""`triptych up` without the UI: gateway, worker, supervisor and Triton."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.local_stack import local_stack
from benchmarks.network_cache import Network
from benchmarks.servers.server import Server


@contextmanager
def start(network: Network, scratch: Path) -> Iterator[Server]:
    """Start it; the tree below `up` is all of it, supervisor and canaries too."""
    with local_stack(scratch / "state", network.repository, "--no-ui") as stack:
        stack.wait_for_worker()
        yield Server(
            http=urlsplit(stack.gateway_url).netloc,
            grpc=stack.triton["grpc"],
            pids=(int(stack.description["pid"]),),
            key=stack.admin_key,
        )
