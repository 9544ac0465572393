"""The protocol around small applications that do what the gateway does not do on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from gateway.metrics import GatewayMetrics
from gateway.settings import GatewaySettings
from gateway.transport.listener_options import http_protocol, listener_options
from tests.unit.gateway.raw_connection import RawConnection
from tests.unit.gateway.running_gateway import until

_START: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-length", b"0")],
}
_END: Message = {"type": "http.response.body", "body": b""}
_GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
_CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class _Served:
    """One connection, from both sides."""

    client: RawConnection
    protocol: HttpToolsProtocol


@asynccontextmanager
async def _served(app: ASGIApp, **changes: float) -> AsyncIterator[_Served]:
    settings = GatewaySettings().model_copy(update=changes)
    protocol = http_protocol(settings, GatewayMetrics())
    config = Config(app, http=protocol, lifespan="off", **listener_options(settings))
    config.load()
    state = ServerState()

    def make() -> asyncio.Protocol:
        return config.http_protocol_class(config=config, server_state=state, app_state={})  # type: ignore[call-arg]  # uvicorn types it as a base class

    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    client = RawConnection(*await asyncio.open_connection(*server.sockets[0].getsockname()))
    await until(lambda: len(state.connections) == 1)
    (made,) = state.connections
    assert isinstance(made, HttpToolsProtocol)
    try:
        yield _Served(client, made)
    finally:
        client.writer.close()
        server.close()
        await until(lambda: not state.connections)


async def test_a_body_that_nobody_reads_yet_stays_with_the_client() -> None:
    may_read, received = asyncio.Event(), 0

    async def late(_: Scope, receive: Receive, send: Send) -> None:
        nonlocal received
        await may_read.wait()
        message: Message = {"more_body": True}
        while message["more_body"]:
            message = await receive()
            received += len(message["body"])
        await send(_START)
        await send(_END)

    size = 50_000_000
    async with _served(late) as served:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
        served.client.send(head + b"x" * size)
        await until(lambda: served.protocol.flow.read_paused)
        assert 0 < len(served.protocol.cycle.body) < 400_000
        may_read.set()
        assert (await served.client.answer()).status == 200
    assert received == size


async def test_a_client_that_goes_away_is_missed_by_the_first_of_a_pipeline_too() -> None:
    told = asyncio.Event()

    async def waits(_: Scope, receive: Receive, __: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        told.set()

    async with _served(waits) as served:
        served.client.send(_GET + _GET)
        await until(lambda: bool(served.protocol.pipeline))
        served.client.writer.close()
        async with asyncio.timeout(5):
            await told.wait()


async def test_who_reads_late_but_reads_gets_everything() -> None:
    size = 20_000_000

    async def much(_: Scope, __: Receive, send: Send) -> None:
        head = {**_START, "headers": [(b"content-length", str(size).encode())]}
        await send(head)
        await send({"type": "http.response.body", "body": b"x" * size})

    async with _served(much, header_seconds=1.0) as served:
        served.client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # asyncio types it as a base class
        served.client.send(_GET)
        await until(lambda: served.protocol.flow is not None and served.protocol.flow.write_paused)
        served.client.writer.transport.resume_reading()  # type: ignore[attr-defined]  # as above
        assert len((await served.client.answer()).body) == size
        assert not served.protocol.flow.write_paused


async def _answers_at_once(_: Scope, __: Receive, send: Send) -> None:
    await send(_START)
    await send(_END)


async def test_garbage_in_a_body_whose_answer_is_out_gets_no_second_answer() -> None:
    async with _served(_answers_at_once) as served:
        served.client.send(_CHUNKED)
        assert (await served.client.answer()).status == 200
        served.client.send(b"garbage\r\n")
        assert await served.client.rest() == b""


async def test_garbage_in_a_body_while_its_answer_is_written_ends_the_connection() -> None:
    begun = asyncio.Event()

    async def begins(_: Scope, receive: Receive, send: Send) -> None:
        await send(_START)
        begun.set()
        await receive()

    async with _served(begins) as served:
        served.client.send(_CHUNKED)
        await begun.wait()
        served.client.send(b"garbage\r\n")
        assert (await served.client.rest()).count(b"HTTP/1.1") == 1
