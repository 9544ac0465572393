"""How the application is served: protocol, limits, TLS, and how it ends. Tests serve it so too."""

from __future__ import annotations

import asyncio
import math
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Final, cast

import uvicorn

from gateway.main import create_app
from gateway.settings import GatewaySettings
from gateway.transport.http_protocol import GuardedHttpProtocol
from gateway.transport.listener_options import http_protocol, listener_options
from gateway.transport.stopping import Stopping
from gateway.transport.tls import server_context

# A retiring worker closes a connection on which nothing came for so long. At once would be rude: a
# client may be about to send on it, and could not tell whether its request was taken.
_QUIET_SECONDS: Final = 1.0
_PAUSE_SECONDS: Final = 0.05


def server_config(settings: GatewaySettings) -> uvicorn.Config:
    """Build the application and put a server around it.

    Raises:
        StartRefused: the TLS files are not what they should be.
    """
    context = server_context(settings)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=http_protocol(settings, app.state.metrics),
        timeout_graceful_shutdown=math.ceil(settings.shutdown_seconds),
        **listener_options(settings),
    )
    if context is not None:
        config.ssl_context_factory = lambda *_: context
    return config


class GatewayServer(uvicorn.Server):
    """uvicorn's server, which goes on listening until nothing is in flight any more.

    Args:
        config: As `server_config` made it.
        stopping: What the application looks at.
        shutdown_seconds: How long what is in flight may take.
        on_serving: Called when it serves.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        stopping: Stopping,
        shutdown_seconds: float,
        on_serving: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._shutdown_seconds = shutdown_seconds
        self._on_serving = on_serving

    def stop(self) -> None:
        """End the gateway: finish what is in flight, tell everybody else to try again."""
        self._stopping.refuses = True
        self.should_exit = True

    def retire(self) -> None:
        """End this worker: others accept, and what comes over its connections is answered."""
        self._stopping.retires = True
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """A signal to this process alone; Ctrl-C goes to the whole group, and the parent acts."""
        if sig == signal.SIGTERM:
            self.retire()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self._on_serving()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish first, then end as uvicorn does."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._shutdown_seconds
        if self._stopping.refuses:
            await self._finish_and_refuse()
        else:
            await self._finish_and_retire(sockets or [], deadline)
        self.config.timeout_graceful_shutdown = max(1, math.ceil(deadline - loop.time()))
        await super().shutdown(sockets)

    async def _finish_and_refuse(self) -> None:
        in_flight = set(self.server_state.tasks)  # not what comes from now on
        for connection in list(self.server_state.connections):
            # One that is new may carry a request already, which is to be refused in words.
            if cast(GuardedHttpProtocol, connection).cycle is not None:
                connection.shutdown()
        if in_flight:
            await asyncio.wait(in_flight, timeout=self._shutdown_seconds)

    async def _finish_and_retire(self, sockets: list[socket.socket], deadline: float) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets:
            listener.close()
        loop = asyncio.get_running_loop()
        while self.server_state.connections and loop.time() < deadline:
            if self._stopping.refuses:  # the whole gateway ends after all
                return
            for connection in list(self.server_state.connections):
                cast(GuardedHttpProtocol, connection).close_if_quiet(_QUIET_SECONDS)
            await asyncio.sleep(_PAUSE_SECONDS)
