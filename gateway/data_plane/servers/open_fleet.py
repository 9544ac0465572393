"""The fleet that the settings ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from gateway.data_plane.grpc_calls.channel import ChannelTls
from gateway.data_plane.servers.addresses import Addresses, ServerAddress
from gateway.data_plane.servers.fleet import Fleet
from gateway.data_plane.servers.server import Server
from gateway.data_plane.triton_client import TritonClient
from gateway.errors import StartRefused
from gateway.settings import GatewaySettings
from gateway.transport.tls import triton_context


@asynccontextmanager
async def open_fleet(settings: GatewaySettings) -> AsyncIterator[Fleet]:
    """Know every server, and keep hearing them.

    Raises:
        StartRefused: the addresses or the certificates make no sense.
    """
    secret = settings.supervisor_secret
    headers = {"Authorization": f"Bearer {secret.get_secret_value()}"} if secret else None

    context = triton_context(settings)
    tls = ChannelTls(context, settings.triton_tls_name) if context else None

    def open_server(name: str, address: ServerAddress) -> Server:
        supervisor = _client(address.supervisor, headers)
        triton = TritonClient(address.triton, tls)
        return Server(name, triton, supervisor, max_age_seconds=settings.status_max_age_seconds)

    fleet = Fleet(
        Addresses(settings.triton_urls, settings.supervisor_urls),
        open_server,
        interval_seconds=settings.status_interval_seconds,
    )
    async with fleet.running():
        yield fleet


def _client(url: str, headers: dict[str, str] | None) -> httpx.AsyncClient:
    try:
        return httpx.AsyncClient(base_url=url, headers=headers, timeout=1.0, trust_env=False)
    except httpx.InvalidURL as exc:
        raise StartRefused(f"GATEWAY_SUPERVISOR_URLS: {url!r} is no URL: {exc}") from exc
