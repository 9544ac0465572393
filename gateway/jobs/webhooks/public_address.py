"""Which addresses are out in the world. Pure.

A webhook is a call that a stranger has this machine make: it must reach nothing that the stranger
could not reach without us.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# All that has ever been given out for machines lies here; what Python calls global is more.
_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
# Addresses inside of which others lie, and whose carriers nobody needs any more: Teredo and 6to4.
_TUNNELS: Final = (ipaddress.IPv6Network("2001::/32"), ipaddress.IPv6Network("2002::/16"))
# RFC 6052: where a network speaks IPv6 only, this is how it reaches the IPv4 address at the end.
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
# RFC 5214: an interface with this in the middle is the IPv4 address behind it.
_ISATAP: Final = (0x00005EFE, 0x02005EFE)
# Global by their numbers, and answered by the machine's own host: Azure's WireServer, and the
# relays that 6to4 had.
_NOT_THE_WORLD: Final = (
    ipaddress.IPv4Network("168.63.129.16/32"),
    ipaddress.IPv4Network("192.0.0.0/24"),
    ipaddress.IPv4Network("192.88.99.0/24"),
)


def meant(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, where it stands for one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def is_public(address: Address) -> bool:
    """Whether anybody in the world could call it: no private, local, shared or reserved one."""
    address = meant(address)
    if not address.is_global or address.is_multicast:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NOT_THE_WORLD)
    is_tunnel = any(address in network for network in _TUNNELS)
    is_isatap = (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP
    return address in _UNICAST and not (is_tunnel or is_isatap)


@dataclass(frozen=True)
class AllowedPlaces:
    """What webhooks may call although it is not public."""

    hosts: frozenset[str]
    networks: tuple[_Network, ...]

    @classmethod
    def of(cls, entries: Iterable[str]) -> AllowedPlaces:
        """Read GATEWAY_WEBHOOKS_ALLOWED: addresses, networks, and names of hosts."""
        hosts, networks = set(), []
        for entry in entries:
            try:
                networks.append(ipaddress.ip_network(entry.strip("[]"), strict=False))
            except ValueError:
                hosts.add(plain_host(entry))
        return cls(frozenset(hosts), tuple(networks))

    def permits(self, host: str, address: Address) -> bool:
        """Whether a host may be called at this address."""
        if is_public(address) or plain_host(host) in self.hosts:
            return True
        return any(it in network for network in self.networks for it in (address, meant(address)))


def plain_host(host: str) -> str:
    """A host's name as it is compared: "Hooks.Example." and "hooks.example" are one."""
    return host.lower().rstrip(".")
