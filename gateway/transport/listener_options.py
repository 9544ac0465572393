"""What every port of the gateway is told: the protocol and its limits."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, cast

from gateway.metrics import GatewayMetrics
from gateway.settings import GatewaySettings
from gateway.transport.http_protocol import GuardedHttpProtocol, TransportLimits


def http_protocol(settings: GatewaySettings, metrics: GatewayMetrics) -> type[asyncio.Protocol]:
    """Make what uvicorn calls for each connection."""
    limits = TransportLimits(
        max_header_bytes=settings.max_header_bytes,
        header_seconds=settings.header_seconds,
        max_connections=settings.max_connections,
    )
    made = partial(
        GuardedHttpProtocol,
        limits=limits,
        report=lambda code: metrics.refused_connections.labels(code).inc(),
    )
    return cast(type[asyncio.Protocol], made)  # uvicorn only calls it


def listener_options(settings: GatewaySettings) -> dict[str, Any]:
    """What every listener of ours is told."""
    return {
        "ws": "none",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,  # nothing here asks who the client is or how it came
        "timeout_keep_alive": settings.header_seconds,
    }
