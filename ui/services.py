"""What sessions share: settings, connections, the clock; and what belongs to one API key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import httpx

from ui.calls.api_key import read_api_key
from ui.calls.gateway_http import Caller, open_http
from ui.calls.identity import Identity, ask_identity
from ui.calls.readiness import Readiness, ask_readiness
from ui.calls.routes import Route, list_routes
from ui.calls.service_watch import ServiceWatch, utc_now
from ui.settings import UiSettings


@dataclass(frozen=True)
class Visit:
    """The gateway as one key sees it."""

    caller: Caller
    watch: ServiceWatch


@dataclass(frozen=True)
class Services:
    """Shared by all sessions of one process.

    Attributes:
        guest: The visit with the page's own key, for whoever has not signed in.
    """

    settings: UiSettings
    http: httpx.Client
    now: Callable[[], datetime]
    guest: Visit

    def visit_with(self, key: str) -> Visit:
        """The gateway as the key of a person sees it; it lives in their session alone."""
        return _visit(self.settings, self.http, self.now, lambda: key)


@dataclass(frozen=True)
class _Probe:
    http: httpx.Client
    caller: Caller
    seconds: float

    def readiness(self) -> Readiness:
        return ask_readiness(self.http, self.seconds)

    def identity(self) -> Identity:
        return ask_identity(self.caller)

    def routes(self) -> tuple[Route, ...]:
        return list_routes(self.caller)


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
    http = open_http(settings.gateway_url, transport)
    guest = _visit(settings, http, now, lambda: read_api_key(settings.api_key_file))
    return Services(settings, http, now, guest)


def _visit(
    settings: UiSettings, http: httpx.Client, now: Callable[[], datetime], key: Callable[[], str]
) -> Visit:
    seconds = settings.request_timeout_seconds
    caller = Caller(http, key=key, patience_seconds=seconds)
    interval = settings.health_interval_seconds
    watch = ServiceWatch(_Probe(http, caller, seconds), interval_seconds=interval, now=now)
    return Visit(caller, watch)
