"""python -m gateway.worker: drive rollouts, and keep every Triton in step, until told to stop."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence

from gateway.log_setup import configure_logging
from gateway.process.refused_start import told_in_one_sentence
from gateway.settings import GatewaySettings
from gateway.worker.worker import run_worker


def main(arguments: Sequence[str] = ()) -> None:
    """Read GATEWAY_ variables and work."""
    if arguments:
        sys.exit("python -m gateway.worker takes no arguments; see docs/settings.md")
    configure_logging()
    with told_in_one_sentence():
        asyncio.run(_until_told_to_stop(GatewaySettings()))


async def _until_told_to_stop(settings: GatewaySettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run_worker(settings, stop)


if __name__ == "__main__":
    main(sys.argv[1:])
