"""Which servers there are, from a list or a DNS name."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
import pytest

from gateway.data_plane.servers import fleet as fleet_module
from gateway.data_plane.servers.addresses import Addresses, ServerAddress, resolve_name
from gateway.data_plane.servers.fleet import Fleet
from gateway.data_plane.servers.retry_budget import RetryBudget
from gateway.data_plane.servers.server import Server
from gateway.data_plane.triton_client import TritonClient
from gateway.errors import StartRefused
from gateway.settings import GatewaySettings
from tests.unit.gateway.running_gateway import until


class _Names:
    """A DNS that changes."""

    def __init__(self, *addresses: str) -> None:
        self.addresses: Sequence[str] | None = addresses
        self.asked: list[str] = []

    async def resolve(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        if self.addresses is None:
            raise OSError("no such name")
        return self.addresses


async def test_a_list_is_taken_as_it_is() -> None:
    addresses = Addresses(["10.0.0.1:8001", "b:8011"], ["http://10.0.0.1:8003", "http://b:8013"])
    assert await addresses.current() == [
        ServerAddress("10.0.0.1:8001", "http://10.0.0.1:8003"),
        ServerAddress("b:8011", "http://b:8013"),
    ]
    assert not addresses.may_change


async def test_a_name_is_one_server_per_address() -> None:
    names = _Names("10.0.0.1", "fd00::2")
    addresses = Addresses(["dns:///triton:8001"], ["http://triton:8003"], names.resolve)
    assert addresses.may_change
    assert await addresses.current() == [
        ServerAddress("10.0.0.1:8001", "http://10.0.0.1:8003"),
        ServerAddress("[fd00::2]:8001", "http://[fd00::2]:8003"),
    ]
    names.addresses = ["10.0.0.3"]
    assert [it.triton for it in await addresses.current()] == ["10.0.0.3:8001"]
    names.addresses = None
    assert [it.triton for it in await addresses.current()] == ["10.0.0.3:8001"]
    assert names.asked == ["triton"] * 3


async def test_the_machines_own_resolver_is_asked() -> None:
    assert await resolve_name("127.0.0.1") == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("tritons", "supervisors", "told"),
    [
        (["a:1", "b:1"], ["http://a:2"], "2 servers and GATEWAY_SUPERVISOR_URLS 1"),
        ([], [], "0 servers"),
        (["a"], ["http://a:2"], "neither HOST:PORT nor dns:///NAME:PORT"),
        (["dns:///a"], ["http://a:2"], "neither HOST:PORT"),
    ],
)
def test_what_makes_no_pairs_is_refused(
    tritons: list[str], supervisors: list[str], told: str
) -> None:
    with pytest.raises(StartRefused, match=told):
        Addresses(tritons, supervisors)


async def test_servers_come_and_go_with_their_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_module, "_RESOLVE_INTERVAL_SECONDS", 0.02)
    names, closed = _Names("10.0.0.1"), list[str]()

    class Noted(Server):
        async def close(self, grace_seconds: float) -> None:
            closed.append(self.name)
            await super().close(grace_seconds)

    def open_server(name: str, address: ServerAddress) -> Server:
        assert address.triton.startswith("10.0.0.")
        nobody = httpx.MockTransport(lambda _: httpx.Response(404))
        supervisor = httpx.AsyncClient(transport=nobody, base_url=address.supervisor)
        return Noted(name, TritonClient("127.0.0.1:9"), supervisor, max_age_seconds=5)

    addresses = Addresses(["dns:///triton:8001"], ["http://triton:8003"], names.resolve)
    fleet = Fleet(addresses, open_server, interval_seconds=0.02)

    async def are(*wanted: str) -> bool:
        return [server.name for server in fleet.servers] == list(wanted)

    async with fleet.running():
        assert await are("triton-0")
        names.addresses = ["10.0.0.1", "10.0.0.2"]
        await until(lambda: are("triton-0", "triton-1"))
        names.addresses = ["10.0.0.2", "10.0.0.3"]
        await until(lambda: are("triton-1", "triton-0"))
        await until(lambda: _is(closed == ["triton-0"]))
    assert sorted(closed) == ["triton-0", "triton-0", "triton-1"]


async def _is(truth: bool) -> bool:
    return truth


def test_retries_are_a_share_of_all_requests() -> None:
    budget = RetryBudget(share=0.1, burst=2)
    assert [budget.take(), budget.take(), budget.take()] == [True, True, False]
    for _ in range(9):
        budget.note_request()
    assert not budget.take()
    budget.note_request()
    budget.note_request()
    assert budget.take()


def test_settings_take_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_TRITON_URLS", "a:1, b:2")
    monkeypatch.setenv("GATEWAY_SUPERVISOR_URLS", '["http://a:3","http://b:4"]')
    settings = GatewaySettings()
    assert settings.triton_urls == ("a:1", "b:2")
    assert settings.supervisor_urls == ("http://a:3", "http://b:4")
