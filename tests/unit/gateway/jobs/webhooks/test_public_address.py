"""Which addresses a stranger may have this machine call."""

from __future__ import annotations

import ipaddress

import pytest

from gateway.jobs.webhooks.public_address import AllowedPlaces, is_public

PUBLIC = ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"]
HIDDEN = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",  # noqa: S104 - an address that is refused
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",  # metadata of most clouds
    "100.100.100.200",  # metadata of Alibaba, and shared addresses
    "168.63.129.16",  # Azure's, global by its number
    "192.0.0.192",  # Oracle's
    "192.0.0.9",
    "192.88.99.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::5db8:d822",
    "2002:7f00:1::",
    "2002:5db8:d822::1",
    "2001:0:5db8:d822::1",
    "2606:2800:220:1:0:5efe:7f00:1",
    "fd00:ec2::254",  # metadata of AWS
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "4000::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_world_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", HIDDEN)
def test_an_address_that_means_another_thing_here_than_elsewhere_is_not(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("entry", "host", "address"),
    [
        ("10.0.0.0/8", "hooks.example", "10.1.2.3"),
        ("10.1.2.3", "10.1.2.3", "10.1.2.3"),
        ("10.1.2.3/8", "hooks.example", "10.9.9.9"),
        ("10.0.0.0/8", "hooks.example", "::ffff:10.1.2.3"),
        ("10.0.0.0/8", "hooks.example", "64:ff9b::a01:203"),
        ("fd00::/8", "hooks.example", "fd00::1"),
        ("[::1]", "localhost", "::1"),
        ("Hooks.Internal", "hooks.internal.", "10.1.2.3"),
    ],
)
def test_what_the_operator_allows_may_be_called(entry: str, host: str, address: str) -> None:
    found = ipaddress.ip_address(address)

    assert AllowedPlaces.of([entry]).permits(host, found)
    assert not AllowedPlaces.of([]).permits(host, found)


@pytest.mark.parametrize(
    "entry", ["10.0.0.0/16", "internal", "example", "hooks.example.net", "::1"]
)
def test_and_nothing_beside_it(entry: str) -> None:
    address = ipaddress.ip_address("10.1.2.3")

    assert not AllowedPlaces.of([entry]).permits("hooks.example", address)
