"""A connection to one gRPC server that is there whenever the server is."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import Final, NamedTuple

from gateway.data_plane.grpc_calls.call_errors import CallError, unavailable
from gateway.data_plane.grpc_calls.connection import GrpcConnection
from gateway.data_plane.grpc_calls.frames import literal_headers
from gateway.data_plane.grpc_calls.unary_call import with_prefix

_CONNECT_SECONDS: Final = 20.0
_FIRST_PAUSE_SECONDS: Final = 0.1
_PAUSE_SECONDS: Final = 0.2  # a server that is back is used within half a second
# What was sent and not acknowledged for 20 s has a dead machine at the other end. On a connection
# that nobody uses the kernel asks after a minute, so that the next call need not find that out.
_SOCKET_OPTIONS: Final = (
    (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", 20_000),
    (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 60),
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 10),
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", 3),
)
_LOOKS_PER_PATIENCE: Final = 12


class ChannelTls(NamedTuple):
    """How to speak TLS to a server."""

    context: ssl.SSLContext
    server_name: str | None
    """What its certificate bears; None is the host of the address."""


class GrpcChannel:
    """Connects when it is first used, and again whenever the connection has ended.

    Args:
        address: HOST:PORT.
        hung_seconds: A call without an answer is given up after so long, and later by a twelfth.
        tls: None is plain text.
    """

    def __init__(self, address: str, *, hung_seconds: float, tls: ChannelTls | None = None) -> None:
        host, _, port = address.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)
        self._authority = address
        self._tls = tls
        self._hung_seconds = hung_seconds
        self._headers: dict[tuple[str, str | None], bytes] = {}
        self._connection: GrpcConnection | None = None
        self._leaving: set[GrpcConnection] = set()  # with calls that are still on their way
        self._connecting: asyncio.Task[None] | None = None
        self._first_try: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._failure: CallError | None = None  # of the last try to connect, until one succeeds
        self._is_closed = False
        self._watch: asyncio.TimerHandle | None = None

    def is_reachable(self) -> bool:
        """Whether there is a connection, or one is being made; starts to make it."""
        if self._connection is None:
            self._connect()
        return self._failure is None

    async def call(self, method: str, message: bytes, traceparent: str | None = None) -> bytes:
        """Make a call.

        Args:
            method: "/package.Service/Method".
            message: The request, serialised.
            traceparent: Goes along as metadata.

        Returns:
            The answer, serialised.

        Raises:
            CallError: there is none.
        """
        connection = self._connection or await self._connected()
        block = self._headers.get((method, None)) if traceparent is None else None
        if block is None:
            block = self._headers_of(method, traceparent)
        return await connection.call(block, with_prefix(message))

    async def close(self, grace_seconds: float) -> None:
        """End it, after giving calls on their way so long."""
        self._is_closed = True
        if self._connecting:
            self._connecting.cancel()
        if not self._first_try.done():  # cancelled before it began, a task does nothing at all
            self._first_try.set_result(None)
        if self._watch:
            self._watch.cancel()
        connections = self._connections()
        for connection in connections:
            connection.retire()  # calls that nobody waits for any more are not cut off either
        if connections:
            ends = [connection.has_ended for connection in connections]
            await asyncio.wait(ends, timeout=grace_seconds)
        for connection in connections:
            connection.close()

    def _connections(self) -> list[GrpcConnection]:
        return [*self._leaving, *([self._connection] if self._connection else [])]

    def _headers_of(self, method: str, traceparent: str | None) -> bytes:
        headers = {
            ":method": "POST",
            ":scheme": "https" if self._tls else "http",
            ":path": method,
            ":authority": self._authority,
            "te": "trailers",
            "content-type": "application/grpc",
        }
        if traceparent is not None:
            return literal_headers({**headers, "traceparent": traceparent})
        return self._headers.setdefault((method, None), literal_headers(headers))

    async def _connected(self) -> GrpcConnection:
        """The connection, as soon as there is one.

        Raises:
            CallError: there is none.
        """
        self._connect()
        if self._failure is not None or self._is_closed:
            raise self._failure or unavailable("the channel is closed")
        await asyncio.shield(self._first_try)
        if self._connection is None:
            raise self._failure or unavailable("the connection was lost")
        return self._connection

    def _connect(self) -> None:
        if self._connecting is None and not self._is_closed:
            self._first_try = asyncio.get_running_loop().create_future()
            self._connecting = asyncio.create_task(self._keep_trying(self._first_try))

    async def _keep_trying(self, first_try: asyncio.Future[None]) -> None:
        pause_seconds = _FIRST_PAUSE_SECONDS
        try:
            while not await self._try():
                if not first_try.done():
                    first_try.set_result(None)
                await asyncio.sleep(pause_seconds)
                pause_seconds = _PAUSE_SECONDS
        finally:
            self._connecting = None
            if not first_try.done():
                first_try.set_result(None)

    async def _try(self) -> bool:
        connection = GrpcConnection(self._ended)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self._open(connection)
        except (OSError, TimeoutError, CallError) as exc:
            self._failure = unavailable(f"cannot connect to {self._authority}: {exc!r}")
            return False
        finally:
            if connection is not self._connection:
                connection.close()
        return True

    async def _open(self, connection: GrpcConnection) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(
            lambda: connection,
            self._host,
            self._port,
            ssl=self._tls.context if self._tls else None,
            server_hostname=(self._tls.server_name or self._host) if self._tls else None,
        )
        _set_options(transport)
        await connection.is_ready
        if connection.takes_calls:
            self._connection, self._failure = connection, None
            self._look()

    def _ended(self, connection: GrpcConnection) -> None:
        if connection is self._connection:
            self._connection = None
        if not connection.is_idle:
            self._leaving.add(connection)

    def _look(self) -> None:
        """Now and then, give up what hangs."""
        if self._watch:
            self._watch.cancel()
        self._leaving = {it for it in self._leaving if not it.is_idle}
        for connection in self._connections():
            connection.end_hung_calls(self._hung_seconds)
        pause_seconds = self._hung_seconds / _LOOKS_PER_PATIENCE
        self._watch = asyncio.get_running_loop().call_later(pause_seconds, self._look)


def _set_options(transport: asyncio.BaseTransport) -> None:
    found = transport.get_extra_info("socket")
    for level, name, value in _SOCKET_OPTIONS:
        with suppress(OSError, AttributeError):  # not every system has each of them
            found.setsockopt(level, getattr(socket, name), value)
