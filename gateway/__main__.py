"""python -m gateway: run one gateway until told to stop."""

from __future__ import annotations

import contextlib
import sys

import uvicorn
from pydantic import ValidationError

from gateway.log_setup import configure_logging
from gateway.server import server_config
from gateway.settings import GatewaySettings
from gateway.tls import ConfigurationRefused


def main() -> None:
    """Read GATEWAY_ variables and serve."""
    configure_logging()
    try:
        config = server_config(GatewaySettings())
    except ConfigurationRefused as exc:
        sys.exit(f"gateway: {exc}")
    except ValidationError as exc:
        sys.exit(f"gateway: {_sentence(exc)}")
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again once it has ended
        server.run()
    if not server.started:
        sys.exit(3)


def _sentence(exc: ValidationError) -> str:
    """Name each variable that makes no sense, without its value: it may be a secret."""
    faults = ((".".join(map(str, it["loc"])), it["msg"]) for it in exc.errors())
    return "; ".join(f"GATEWAY_{name.upper()}: {message}" for name, message in faults)


if __name__ == "__main__":
    main()
