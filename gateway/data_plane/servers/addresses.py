"""Which servers there are: a list that stays, or a DNS name that is resolved again and again."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from gateway.errors import StartRefused

logger = logging.getLogger(__name__)

# gRPC's own notation for "whatever this name stands for".
_DNS: Final = "dns:///"
_RESOLVE_SECONDS: Final = 2.0

Resolve = Callable[[str], Awaitable[Sequence[str]]]


@dataclass(frozen=True)
class ServerAddress:
    """Where one Triton and its supervisor answer."""

    triton: str
    """Of its gRPC front end, HOST:PORT."""
    supervisor: str
    """URL."""


async def resolve_name(host: str) -> list[str]:
    """Every address of a name, in a fixed order.

    Raises:
        OSError: it has none, or nobody knows.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(_RESOLVE_SECONDS):
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return sorted({str(address[0]) for *_, address in found})


class Addresses:
    """Pairs of Triton and supervisor; a pair with a DNS name is one server per address.

    Args:
        tritons: HOST:PORT, or dns:///NAME:PORT.
        supervisors: URL of each; in that of a DNS pair only scheme and port matter.
        resolve: From a name to its addresses.

    Raises:
        StartRefused: they do not make pairs.
    """

    def __init__(
        self, tritons: Sequence[str], supervisors: Sequence[str], resolve: Resolve = resolve_name
    ) -> None:
        if len(tritons) != len(supervisors) or not tritons:
            raise StartRefused(
                f"GATEWAY_TRITON_URLS names {len(tritons)} servers and GATEWAY_SUPERVISOR_URLS "
                f"{len(supervisors)}; each Triton needs its own supervisor, in the same order"
            )
        self._pairs = [*zip(tritons, supervisors, strict=True)]
        self._resolve = resolve
        self._known: dict[str, list[str]] = {}
        for triton in tritons:
            _split(triton)

    @property
    def may_change(self) -> bool:
        """Whether it makes sense to ask again."""
        return any(triton.startswith(_DNS) for triton, _ in self._pairs)

    async def current(self) -> list[ServerAddress]:
        """Who there is now; of a name that cannot be resolved, who there was."""
        found: list[ServerAddress] = []
        for triton, supervisor in self._pairs:
            if triton.startswith(_DNS):
                found += await self._named(triton, supervisor)
            else:
                found.append(ServerAddress(triton, supervisor))
        return found

    async def _named(self, triton: str, supervisor: str) -> list[ServerAddress]:
        host, port = _split(triton)
        try:
            self._known[host] = list(await self._resolve(host))
        except (OSError, TimeoutError) as exc:
            logger.warning("%s cannot be resolved: %s", host, exc)
        return [
            ServerAddress(f"{_bracketed(it)}:{port}", _with_host(supervisor, _bracketed(it)))
            for it in self._known.get(host, [])
        ]


def _split(triton: str) -> tuple[str, int]:
    host, _, port = triton.removeprefix(_DNS).rpartition(":")
    if not host or not port.isdecimal():
        raise StartRefused(
            f"GATEWAY_TRITON_URLS: {triton!r} is neither HOST:PORT nor dns:///NAME:PORT"
        )
    return host, int(port)


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _with_host(url: str, host: str) -> str:
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"{host}{port}"))
