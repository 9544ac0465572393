"""A gateway before two fake Tritons, each with a fake supervisor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx

from gateway.settings import GatewaySettings
from tests.fakes.fake_supervisor import FakeSupervisor, running_supervisor
from tests.fakes.fake_triton import FakeTriton, ranked, running_triton
from tests.unit.gateway.running_gateway import Gateway, gateway_in_process
from triptych.supervisor.status import ReleaseState

PREDICT = "/v1/predict/digits"


@dataclass
class FakeServer:
    """One Triton and its supervisor."""

    triton: FakeTriton
    supervisor: FakeSupervisor

    @property
    def inferences(self) -> int:
        return len(self.triton.asked)

    def lose_a_stub(self) -> None:
        """As a supervisor tells of it: healing, and one death more."""
        (release,) = self.supervisor.releases
        deaths = release.stub_deaths + 1
        self.supervisor.releases = [
            replace(release, state=ReleaseState.HEALING, stub_deaths=deaths)
        ]

    def heal(self) -> None:
        (release,) = self.supervisor.releases
        self.supervisor.releases = [replace(release, state=ReleaseState.READY)]


@dataclass
class Pair:
    """The gateway and its two servers."""

    gateway: Gateway
    servers: list[FakeServer]

    async def ask(self, item: bytes = b"seven") -> httpx.Response:
        return await self.gateway.client.post(PREDICT, content=item, headers=self.gateway.ui)

    async def asked(self, *, item: bytes = b"seven", times: int = 20) -> list[int]:
        """How many inferences each server saw of so many requests, all of which were answered."""
        before = [it.inferences for it in self.servers]
        for _ in range(times):
            answer = await self.ask(item)
            assert answer.status_code == 200, answer.text
        return [it.inferences - already for it, already in zip(self.servers, before, strict=True)]


@asynccontextmanager
async def running_pair(settings: GatewaySettings, **changes: Any) -> AsyncIterator[Pair]:
    """Both servers know the image b"seven"; there is time enough to wait for a heal."""
    async with AsyncExitStack() as stack:
        servers = [
            FakeServer(
                stack.enter_context(running_triton()), stack.enter_context(running_supervisor())
            )
            for _ in range(2)
        ]
        for server in servers:
            server.triton.answers[b"seven"] = ranked("7")
        update: dict[str, Any] = {
            "triton_urls": tuple(it.triton.address for it in servers),
            "supervisor_urls": tuple(it.supervisor.url for it in servers),
            "recovery_patience_seconds": 3.0,
            "status_interval_seconds": 0.05,
        }
        wanted = settings.model_copy(update=update | changes)
        gateway = await stack.enter_async_context(gateway_in_process(wanted))
        yield Pair(gateway, servers)
