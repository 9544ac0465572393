"""python -m gateway.process.worker: one process that answers; `python -m gateway` starts it.

Its arguments: the folder that all workers share, empty where there is only one; then descriptors:
the channel to the parent, where to listen, where for metrics.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast

from gateway.log_setup import configure_logging
from gateway.process.listening import inherited
from gateway.process.refused_start import told_in_one_sentence
from gateway.process.server import GatewayServer, server_config
from gateway.process.worker_pool import RETIRE, SERVING, STOP
from gateway.settings import GatewaySettings

_HEARTBEAT_SECONDS: Final = 1.0


def main(arguments: Sequence[str]) -> None:
    """Serve until the parent says otherwise, or is gone."""
    configure_logging()
    folder, own_channel, listeners, for_metrics = arguments
    with socket.socket(fileno=int(own_channel)) as channel:
        with told_in_one_sentence():
            settings = GatewaySettings().of_one_worker()
            config = server_config(settings)
        state = cast(Any, config.app).state
        state.listeners = inherited(for_metrics)
        state.shared_folder = Path(folder) if folder else None
        server = GatewayServer(
            config,
            state.stopping,
            settings.shutdown_seconds,
            on_serving=lambda: _obey(server, channel),
        )
        with suppress(KeyboardInterrupt):
            server.run(sockets=inherited(listeners))
    if not server.started:
        sys.exit(3)


def _obey(server: GatewayServer, channel: socket.socket) -> None:
    """Say that it serves, again and again, and listen to the parent from now on."""
    channel.setblocking(False)
    loop = asyncio.get_running_loop()

    def command() -> None:
        said = channel.recv(1)
        if said == STOP:
            server.stop()
        elif said == RETIRE:
            server.retire()
        else:  # the parent is gone: give its port free, and finish
            loop.remove_reader(channel)
            server.retire()

    def be_heard() -> None:
        with suppress(BrokenPipeError, BlockingIOError):  # it is gone, or has not read for long
            channel.send(SERVING)
        loop.call_later(_HEARTBEAT_SECONDS, be_heard)

    loop.add_reader(channel, command)
    be_heard()


if __name__ == "__main__":
    main(sys.argv[1:])
