"""A whole gateway around fake neighbours: in this process, or behind a real port."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx
import uvicorn

from gateway.main import create_app
from gateway.process.server import GatewayServer, server_config
from gateway.settings import GatewaySettings


@dataclass(frozen=True)
class Gateway:
    """What a test needs of a gateway that runs."""

    client: httpx.AsyncClient
    """Knows the address and no key."""
    state_dir: Path
    port: int | None = None
    """On 127.0.0.1, where it is served."""

    @property
    def ui(self) -> dict[str, str]:
        """Headers with the key that the first start made for the UI; its scope is predict."""
        return {"X-API-Key": (self.state_dir / "ui.key").read_text().strip()}

    @property
    def admin(self) -> dict[str, str]:
        """Headers with the operator's first key."""
        return {"X-API-Key": (self.state_dir / "admin.key").read_text().strip()}

    async def in_flight(self) -> int:
        """How many predict requests hold a place, as /metrics tells."""
        answer = await self.client.get("/metrics", headers=self.admin)
        (line,) = (
            x for x in answer.text.splitlines() if x.startswith("triptych_gateway_in_flight ")
        )
        return int(float(line.split()[1]))

    async def has_in_flight(self, count: int) -> bool:
        """Whether it is so many now."""
        return await self.in_flight() == count


class StartGateway(Protocol):
    """Starts a gateway that ends with the test; keywords are settings that differ."""

    async def __call__(self, **changes: Any) -> Gateway:
        """Start it."""


@asynccontextmanager
async def gateway_in_process(settings: GatewaySettings) -> AsyncIterator[Gateway]:
    """Run the application and call it directly."""
    app = create_app(settings)
    # As behind a real server: an exception is an answer with status 500, not a failing call.
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://gateway") as client,
    ):
        yield Gateway(client, settings.state_dir)


@contextmanager
def gateway_in_a_thread(settings: GatewaySettings) -> Iterator[int]:
    """Serve in an event loop of its own, for many tests; gives its port on 127.0.0.1."""
    with _listener() as listener:
        server = uvicorn.Server(server_config(settings))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        deadline = time.monotonic() + 10
        while not server.started and thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.005)
        try:
            assert server.started
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


@asynccontextmanager
async def gateway_over_tcp(settings: GatewaySettings) -> AsyncIterator[Gateway]:
    """Serve the application as `python -m gateway` does, on a free port."""
    with _listener() as listener:
        port = listener.getsockname()[1]
        config = server_config(settings)
        server = GatewayServer(config, config.app.state.stopping, settings.shutdown_seconds)  # type: ignore[union-attr]  # a FastAPI
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await until(lambda: server.started or serving.done())
        try:
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", trust_env=False
            ) as client:
                yield Gateway(client, settings.state_dir, port)
        finally:
            server.stop()
            await serving


def _listener() -> socket.socket:
    # The protocol is named because asyncio sends small answers at once (TCP_NODELAY) only then.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    return listener


async def until(
    condition: Callable[[], bool] | Callable[[], Awaitable[bool]], *, seconds: float = 5.0
) -> None:
    """Wait for something to come true, and fail when the deadline passes."""
    async with asyncio.timeout(seconds):
        while True:
            verdict, pause_seconds = condition(), 0.005
            if not isinstance(verdict, bool):
                # Who asks a gateway more often slows the tests beside this one.
                verdict, pause_seconds = await verdict, 0.03
            if verdict:
                return
            await asyncio.sleep(pause_seconds)
