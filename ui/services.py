"""What all sessions of one process share: settings, the gateway's client, the watch, the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import httpx

from ui.gateway_client import GatewayClient
from ui.service_watch import ServiceWatch, utc_now
from ui.settings import UiSettings


@dataclass(frozen=True)
class Services:
    """Handed to every page."""

    settings: UiSettings
    client: GatewayClient
    watch: ServiceWatch
    now: Callable[[], datetime]


def build_services(
    settings: UiSettings,
    *,
    transport: httpx.BaseTransport | None = None,
    now: Callable[[], datetime] = utc_now,
) -> Services:
    """Wire them together.

    Args:
        settings: Where the gateway is, and how long to wait for it.
        transport: Stands in for the network in tests.
        now: Stands in for the clock in tests; answers with a time zone.
    """
    client = GatewayClient(
        base_url=settings.gateway_url,
        api_key_file=settings.api_key_file,
        timeout_seconds=settings.request_timeout_seconds,
        transport=transport,
    )
    watch = ServiceWatch(client, interval_seconds=settings.health_interval_seconds, now=now)
    return Services(settings=settings, client=client, watch=watch, now=now)
