"""python -m gateway: run one gateway until told to stop."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Sequence

import uvicorn
from pydantic import ValidationError

from gateway.errors import StartRefused
from gateway.log_setup import configure_logging
from gateway.server import server_config
from gateway.settings import GatewaySettings


def main(arguments: Sequence[str] = ()) -> None:
    """Read GATEWAY_ variables and serve."""
    if arguments:
        sys.exit("python -m gateway takes no arguments; GATEWAY_ variables are in docs/settings.md")
    configure_logging()
    try:
        settings = GatewaySettings()
        config = server_config(settings)
        _check_port(settings)
    except StartRefused as exc:
        sys.exit(f"gateway: {exc}")
    except ValidationError as exc:
        sys.exit(f"gateway: {_sentence(exc)}")
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again once it has ended
        server.run()
    if not server.started:
        sys.exit(3)


def _check_port(settings: GatewaySettings) -> None:
    """Say in one sentence what the server would only say after a whole start."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError as exc:
        where = f"{settings.host}:{settings.port}"
        raise StartRefused(f"cannot listen on {where} ({exc.strerror}); set GATEWAY_PORT") from exc


def _sentence(exc: ValidationError) -> str:
    """Name each variable that makes no sense, without its value: it may be a secret."""
    faults = ((".".join(map(str, it["loc"])), it["msg"]) for it in exc.errors())
    return "; ".join(f"GATEWAY_{name.upper()}: {message}" for name, message in faults)


if __name__ == "__main__":
    main(sys.argv[1:])
