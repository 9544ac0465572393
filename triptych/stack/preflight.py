"""What must be true before anything is started; each failure says what to do."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from triptych.errors import EnvironmentUnfit, PortInUse
from triptych.stack.libpython import require_libpython

_PLAIN_PATH: Final = re.compile(r"[\w./+@%:,=-]+")


def check_environment() -> None:
    """Refuse an environment in which Triton would start and answer garbage, or not start.

    Raises:
        EnvironmentUnfit: numpy 2, or no libpython.
    """
    try:
        numpy_version = version("numpy")
    except PackageNotFoundError as exc:
        raise EnvironmentUnfit("numpy is not installed. Please run: make setup") from exc
    if int(numpy_version.partition(".")[0]) >= 2:
        raise EnvironmentUnfit(
            f"numpy {numpy_version} is installed, and under numpy 2 Triton's Python backend "
            "silently corrupts tensors. Please run: make setup"
        )
    require_libpython()


def check_state_dir(state_dir: Path) -> None:
    """Refuse a path that Triton cannot start its stubs from: it hands it to a shell, unquoted.

    Raises:
        EnvironmentUnfit: it holds a space or another character that means something to a shell.
    """
    path = str(state_dir.absolute())
    if not _PLAIN_PATH.fullmatch(path):
        raise EnvironmentUnfit(
            f"Triton's Python backend cannot start from {path!r}, because of a space or another "
            "special character in it. Please choose a plain path with --state-dir."
        )


def check_ports(ports: Mapping[str, int]) -> None:
    """See that every port is free.

    Args:
        ports: Port by the command-line option that changes it.

    Raises:
        PortInUse: one is taken, or asked for twice.
    """
    claimed: dict[int, str] = {}
    for option, port in ports.items():
        if port in claimed:
            raise PortInUse(f"{option} and {claimed[port]} both ask for port {port}.")
        claimed[port] = option
        with socket.socket() as probe:
            # As the servers do: a port that only waits out its last connection is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as exc:
                if exc.errno != errno.EADDRINUSE:
                    raise
                raise PortInUse(
                    f"Port {port} is in use; stop what uses it or choose another with {option}."
                ) from exc
