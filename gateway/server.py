"""How the application is served: protocol, limits, TLS. Tests serve it with the same words."""

from __future__ import annotations

import uvicorn

from gateway.listener_options import http_protocol, listener_options
from gateway.main import create_app
from gateway.settings import GatewaySettings
from gateway.tls import server_context

# What is in flight may finish; an upload that trickles in may not hold the process for ever.
_GRACE_SECONDS = 5


def server_config(settings: GatewaySettings) -> uvicorn.Config:
    """Build the application and put a server around it.

    Raises:
        StartRefused: the TLS files are not what they should be.
    """
    context = server_context(settings)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=http_protocol(settings, app.state.metrics),
        timeout_graceful_shutdown=_GRACE_SECONDS,
        **listener_options(settings),
    )
    if context is not None:
        config.ssl_context_factory = lambda *_: context
    return config
