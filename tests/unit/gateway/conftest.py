"""Gateways between a fake Triton and a fake supervisor, all of them on real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import certifi
import httpx
import pytest

from gateway.settings import GatewaySettings
from tests.fakes.fake_supervisor import FakeSupervisor, running_supervisor
from tests.fakes.fake_triton import FakeTriton, running_triton
from tests.unit.gateway.running_gateway import (
    Gateway,
    StartGateway,
    gateway_in_a_thread,
    gateway_in_process,
    gateway_over_tcp,
)


@pytest.fixture(scope="session", autouse=True)
def short_list_of_authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests of TLS bring their own; reading the whole list takes half of a gateway's start."""
    end = "-----END CERTIFICATE-----"
    first, _, _ = Path(certifi.where()).read_text().partition(end)
    short = tmp_path_factory.mktemp("certifi") / "one.pem"
    short.write_text(f"{first}{end}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certifi, "where", lambda: str(short))
        yield


@pytest.fixture(scope="session")
def triton_of_the_session() -> Iterator[FakeTriton]:
    """One server for all tests; they ask for `triton`."""
    with running_triton() as fake:
        yield fake


@pytest.fixture
def triton(triton_of_the_session: FakeTriton) -> Iterator[FakeTriton]:
    """Knows no image yet: a test says what it answers."""
    triton_of_the_session.forget()
    yield triton_of_the_session
    triton_of_the_session.forget()


@pytest.fixture
def supervisor() -> Iterator[FakeSupervisor]:
    """Says that digits_r1 is ready, ten labels, eight images at most."""
    with running_supervisor() as fake:
        yield fake


@pytest.fixture
def settings(triton: FakeTriton, supervisor: FakeSupervisor) -> Iterator[GatewaySettings]:
    """Settings that point at the fakes, and at a state folder that is not there yet."""
    with _folder_in_memory() as folder:
        yield _settings(triton, supervisor, folder)


@pytest.fixture
async def start_gateway(settings: GatewaySettings) -> AsyncIterator[StartGateway]:
    """Start gateways in this process, for tests that need settings or a state of their own."""
    async with AsyncExitStack() as stack:

        async def start(**changes: Any) -> Gateway:
            changed = settings.model_copy(update=changes)
            return await stack.enter_async_context(gateway_in_process(changed))

        yield start


@pytest.fixture
async def serve_gateway(settings: GatewaySettings) -> AsyncIterator[StartGateway]:
    """Start gateways behind a real port, for what only a transport can show."""
    async with AsyncExitStack() as stack:

        async def serve(**changes: Any) -> Gateway:
            changed = settings.model_copy(update=changes)
            return await stack.enter_async_context(gateway_over_tcp(changed))

        yield serve


@pytest.fixture(scope="session")
def gateway_of_the_session(triton_of_the_session: FakeTriton) -> Iterator[tuple[int, Path]]:
    """One served gateway with every default: its port and its state folder."""
    with ExitStack() as stack:
        supervisor = stack.enter_context(running_supervisor())
        folder = stack.enter_context(_folder_in_memory())
        settings = _settings(triton_of_the_session, supervisor, folder)
        yield stack.enter_context(gateway_in_a_thread(settings)), settings.state_dir


@pytest.fixture
async def gateway(
    triton: FakeTriton, gateway_of_the_session: tuple[int, Path]
) -> AsyncIterator[Gateway]:
    """A gateway with every default, shared by all tests that leave its keys as they are."""
    triton.forget()
    port, state_dir = gateway_of_the_session
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        yield Gateway(client, state_dir, port)


def _settings(triton: FakeTriton, supervisor: FakeSupervisor, folder: str) -> GatewaySettings:
    return GatewaySettings(
        triton_urls=(triton.address,),
        supervisor_urls=(supervisor.url,),
        recovery_patience_seconds=0.5,  # nobody heals here; tests of that say how long
        state_dir=Path(folder) / "state",
        trace_sample_ratio=0.0,  # no test should depend on a throw of dice
    )


def _folder_in_memory() -> TemporaryDirectory[str]:
    # Where there is such a place: on a disk, SQLite waits for it at each commit.
    memory = Path("/dev/shm")  # noqa: S108 - TemporaryDirectory makes a folder of our own there
    return TemporaryDirectory(dir=memory if memory.is_dir() else None)
