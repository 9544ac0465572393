"""A Triton without our supervisor and gateway, with the models that are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.network_cache import Network
from benchmarks.servers.server import Server
from python_backends.shared.contract import STEP_NAMES
from triptych.client.triton import TritonConnection
from triptych.routing import ReleaseName
from triptych.stack.ports import free_ports
from triptych.stack.serving_view import link_models
from triptych.stack.settings import StackSettings
from triptych.stack.triton_install import prepare_triton
from triptych.stack.triton_process import TritonProcess, wait_until_live

_SECONDS: Final = 60.0


@contextmanager
def start(network: Network, scratch: Path) -> Iterator[Server]:
    """Start it with the release: all three steps, asked over gRPC."""
    release = ReleaseName(network.name, 1)
    models = [release.step(step) for step in STEP_NAMES]
    with _start(network.repository, models, str(release), scratch) as server:
        yield server


@contextmanager
def start_plain(network: Network, scratch: Path) -> Iterator[Server]:
    """Start it with the bare network, which takes normalised float pixels."""
    with _start(
        network.plain_repository, [network.plain_model], network.plain_model, scratch
    ) as it:
        yield it


@contextmanager
def _start(repository: Path, models: Sequence[str], asked: str, scratch: Path) -> Iterator[Server]:
    http, grpc, metrics = free_ports(3)
    settings = StackSettings(
        state_dir=scratch / "triton",
        triton_http_port=http,
        triton_grpc_port=grpc,
        triton_metrics_port=metrics,
    )
    settings.state_dir.mkdir()
    link_models(settings.serving_dir, repository, models)
    install = prepare_triton(settings.backends_dir)
    triton = TritonProcess(install, settings.serving_dir, settings)
    try:
        with TritonConnection(triton.addresses.grpc, triton.admin_secret) as connection:
            wait_until_live(connection, triton.child, _SECONDS)
            connection.load(asked, _SECONDS)
        yield Server(
            http=f"127.0.0.1:{http}",
            grpc=f"127.0.0.1:{grpc}",
            pids=(triton.child.pid,),
            key=triton.admin_secret,
        )
    finally:
        triton.stop()
