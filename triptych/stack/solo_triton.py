"""One Triton of one's own for a short while, with some releases loaded: no gateway, no canaries."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from python_backends.shared.contract import STEP_NAMES
from triptych.client.triton import TritonConnection
from triptych.routing import ReleaseName
from triptych.stack.ports import free_ports
from triptych.stack.preflight import check_environment, check_state_dir
from triptych.stack.serving_view import link_models
from triptych.stack.settings import StackSettings
from triptych.stack.triton_install import prepare_triton
from triptych.stack.triton_process import TritonProcess, wait_until_live


@contextmanager
def solo_triton(repository: Path, releases: Sequence[ReleaseName]) -> Iterator[TritonConnection]:
    """Start Triton on free ports with these releases, and stop it at the end.

    Raises:
        EnvironmentUnfit: it cannot start here.
        StartFailed: it did not start.
        CallFailed: it cannot load one of them.
    """
    check_environment()
    with tempfile.TemporaryDirectory(prefix="triptych-solo-") as scratch:
        http, grpc, metrics = free_ports(3)
        settings = StackSettings(
            state_dir=Path(scratch),
            triton_http_port=http,
            triton_grpc_port=grpc,
            triton_metrics_port=metrics,
            # On loopback and for a moment, whatever the Triton that serves asks for.
            triton_tls_ca_file=None,
            triton_tls_cert_file=None,
            triton_tls_key_file=None,
        )
        check_state_dir(settings.state_dir)
        models = [name.step(step) for name in releases for step in STEP_NAMES]
        view = settings.serving_dir
        link_models(view, repository, models)
        install = prepare_triton(settings.backends_dir)
        triton = TritonProcess(install, view, settings)
        try:
            with TritonConnection(triton.addresses.grpc, triton.admin_secret) as connection:
                wait_until_live(connection, triton.child, settings.start_timeout_seconds)
                for name in releases:
                    connection.load(str(name), settings.start_timeout_seconds)
                yield connection
        finally:
            triton.stop()
