"""python -m gateway: run one gateway until told to stop."""

from __future__ import annotations

import uvicorn

from gateway.log_setup import configure_logging
from gateway.main import create_app
from gateway.settings import GatewaySettings

# What is in flight may finish; an upload that trickles in may not hold the process for ever.
_GRACE_SECONDS = 5


def main() -> None:
    """Read GATEWAY_ variables and serve."""
    configure_logging()
    settings = GatewaySettings()
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


if __name__ == "__main__":
    main()
