"""The gateway's own gRPC over TLS, against the library's server: who is who."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from gateway.data_plane.grpc_calls.call_errors import CallError
from gateway.data_plane.grpc_calls.channel import ChannelTls, GrpcChannel
from gateway.errors import StartRefused
from gateway.settings import GatewaySettings
from gateway.transport.tls import triton_context
from tests.certificates import Authority, as_settings
from tests.unit.gateway.grpc_calls.real_server import ECHO, running_server
from triptych.client import TritonTls

# More than one TLS record, and more than the window that a server opens at first.
LARGE = b"x" * 3_000_000


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"))


def settings_of(tls: TritonTls) -> GatewaySettings:
    return GatewaySettings.model_validate(as_settings("triton_tls", tls))


@asynccontextmanager
async def channel_to(address: str, shown: TritonTls) -> AsyncIterator[GrpcChannel]:
    context = triton_context(settings_of(shown))
    assert context is not None
    tls = ChannelTls(context, shown.server_name)
    channel = GrpcChannel(address, hung_seconds=30, tls=tls)
    try:
        yield channel
    finally:
        await channel.close(1)


async def test_both_sides_show_a_certificate_and_calls_go_through(ours: Authority) -> None:
    with running_server(tls=ours.issue("triton")) as server:
        async with channel_to(server.address, ours.issue("gateway")) as channel:
            assert await channel.call(ECHO, LARGE) == LARGE


async def test_without_a_name_the_certificate_is_for_the_address(ours: Authority) -> None:
    shown = ours.issue("gateway")
    nameless = TritonTls(shown.ca_file, shown.cert_file, shown.key_file)
    with running_server(tls=ours.issue("127.0.0.1")) as server:
        async with channel_to(server.address, nameless) as channel:
            assert await channel.call(ECHO, b"here") == b"here"


@pytest.mark.parametrize("name", ["a stranger's authority", "another server name", "no trust"])
async def test_whoever_is_not_who_they_should_be_is_unavailable(
    ours: Authority, tmp_path: Path, name: str
) -> None:
    others, good = Authority(tmp_path), ours.issue("gateway")
    shown = {
        "a stranger's authority": others.issue("gateway", trusted=ours.ca_file),
        "another server name": TritonTls(good.ca_file, good.cert_file, good.key_file, "elsewhere"),
        "no trust": TritonTls(others.ca_file, good.cert_file, good.key_file, "triton"),
    }[name]
    with running_server(tls=ours.issue("triton")) as server:
        async with channel_to(server.address, shown) as channel:
            with pytest.raises(CallError) as refused:
                await channel.call(ECHO, b"let me in")
            assert refused.value.code is grpc.StatusCode.UNAVAILABLE
            assert not channel.is_reachable()


async def test_plain_text_gets_nothing_from_a_server_with_tls(ours: Authority) -> None:
    with running_server(tls=ours.issue("triton")) as server:
        channel = GrpcChannel(server.address, hung_seconds=30)
        with pytest.raises(CallError):
            await channel.call(ECHO, b"let me in")
        await channel.close(1)


def test_without_files_triton_is_called_in_plain_text() -> None:
    assert triton_context(GatewaySettings()) is None


def test_files_that_do_not_make_a_client_are_refused_in_one_sentence(
    ours: Authority, tmp_path: Path
) -> None:
    good, nothing = ours.issue("gateway"), tmp_path / "nothing.pem"
    for wrong, said in (
        ({"triton_tls_key_file": None}, "set together or not at all"),
        ({"triton_tls_ca_file": nothing}, "GATEWAY_TRITON_TLS_CA_FILE names .* no file"),
        ({"triton_tls_cert_file": nothing}, "GATEWAY_TRITON_TLS_CERT_FILE names .* no file"),
        ({"triton_tls_key_file": good.ca_file}, "no PEM certificate and the key"),
        ({"triton_tls_ca_file": good.key_file}, "GATEWAY_TRITON_TLS_CA_FILE .* no PEM certificate"),
    ):
        with pytest.raises(StartRefused, match=said):
            triton_context(settings_of(good).model_copy(update=wrong))
