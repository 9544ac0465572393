"""python -m gateway: hold the socket and keep workers behind it, until told to stop."""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial

from gateway.errors import StartRefused
from gateway.log_setup import configure_logging
from gateway.process.listening import listen
from gateway.process.refused_start import told_in_one_sentence
from gateway.process.shared_metrics import VARIABLE, forget_gauges, metrics_folder
from gateway.process.worker_pool import WorkerPool
from gateway.settings import GatewaySettings


def main(arguments: Sequence[str] = ()) -> None:
    """Read GATEWAY_ variables and serve."""
    if arguments:
        sys.exit("python -m gateway takes no arguments; GATEWAY_ variables are in docs/settings.md")
    configure_logging()
    with told_in_one_sentence():
        settings = GatewaySettings()
        _check_shares(settings)
        listeners = listen(settings.host, settings.port, "GATEWAY_PORT")
        for_metrics = _listen_for_metrics(settings)
    sys.exit(_keep_workers(settings, listeners, for_metrics))


def _check_shares(settings: GatewaySettings) -> None:
    if settings.workers > 1 and settings.redis_url is None:
        raise StartRefused(
            f"GATEWAY_WORKERS={settings.workers} needs GATEWAY_REDIS_URL: workers are gateways of "
            "their own, and only there they share what a key may send"
        )


def _listen_for_metrics(settings: GatewaySettings) -> list[socket.socket]:
    if settings.metrics_port is None:
        return []
    return listen(settings.metrics_host, settings.metrics_port, "GATEWAY_METRICS_PORT")


def _keep_workers(
    settings: GatewaySettings, listeners: list[socket.socket], for_metrics: list[socket.socket]
) -> int:
    descriptors = [_descriptors(listeners), _descriptors(for_metrics)]
    with ExitStack() as stack:
        variables: Mapping[str, str] = {}
        on_end, shared = _forget_nothing, ""
        if settings.workers > 1:
            folder = stack.enter_context(metrics_folder(settings.state_dir))
            shared = str(folder.resolve())
            variables, on_end = {VARIABLE: shared}, partial(forget_gauges, folder)
        pool = WorkerPool(
            settings.workers,
            (sys.executable, "-m", "gateway.process.worker", shared),
            descriptors=descriptors,
            variables=variables,
            shutdown_seconds=settings.shutdown_seconds,
            on_end=on_end,
        )
        return pool.run()


def _descriptors(sockets: list[socket.socket]) -> str:
    return ",".join(str(it.fileno()) for it in sockets)


def _forget_nothing(_pid: int) -> None:
    """One worker keeps its metrics in memory, and takes them along."""


if __name__ == "__main__":
    main(sys.argv[1:])
