"""What callers see whose request is still at work when the gateway has to end."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import cast

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send

from gateway.process.listening import listen
from gateway.process.server import GatewayServer, server_config
from gateway.request_context import RequestRecord, record, request_id
from gateway.settings import GatewaySettings
from gateway.transport.stopping import StoppedAnswer, Stopping
from triptych.stack.ports import free_ports

_SCOPE = {"type": "http", "method": "POST", "path": "/v1/predict/digits", "headers": []}


async def _receive() -> Message:
    return {}


async def test_a_request_that_is_cut_short_is_told_to_try_again() -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise asyncio.CancelledError

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    record.set(RequestRecord())
    request_id.set("0123")
    await StoppedAnswer(app)(_SCOPE, _receive, send)
    start, body = sent
    headers = dict(start["headers"])
    assert start["status"] == 503
    assert (headers[b"retry-after"], headers[b"connection"]) == (b"1", b"close")
    assert json.loads(body["body"])["error"] == {
        "code": "inference_unavailable",
        "message": "the gateway is being stopped; try again",
        "request_id": "0123",
    }
    assert record.get().error_code == "inference_unavailable"


async def test_an_answer_that_has_begun_is_not_begun_again() -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise asyncio.CancelledError

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    with pytest.raises(asyncio.CancelledError):
        await StoppedAnswer(app)(_SCOPE, _receive, send)
    assert len(sent) == 1


async def _answered(stopping: Stopping) -> tuple[int, dict[bytes, bytes]]:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    record.set(RequestRecord())
    await StoppedAnswer(app, stopping)(_SCOPE, _receive, send)
    return sent[0]["status"], dict(sent[0]["headers"])


async def test_what_comes_while_the_gateway_ends_has_to_go_elsewhere() -> None:
    status, headers = await _answered(Stopping(refuses=True))
    assert (status, headers[b"retry-after"], headers[b"connection"]) == (503, b"1", b"close")


async def test_a_worker_that_retires_answers_and_ends_the_connection() -> None:
    assert await _answered(Stopping(retires=True)) == (200, {b"connection": b"close"})
    assert await _answered(Stopping()) == (200, {})


async def test_a_server_that_retires_answers_once_more_and_closes_what_is_quiet(
    tmp_path: Path,
) -> None:
    settings = GatewaySettings(state_dir=tmp_path, supervisor_urls=("http://127.0.0.1:1",))
    config = server_config(settings)
    app = cast(FastAPI, config.app)
    (port,) = free_ports(1)
    listeners = listen("127.0.0.1", port, "GATEWAY_PORT")
    is_serving = asyncio.Event()
    server = GatewayServer(config, app.state.stopping, 5, is_serving.set)
    serving = asyncio.create_task(server.serve(sockets=listeners))
    await is_serving.wait()
    async with (
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as busy,
        httpx.AsyncClient(base_url=busy.base_url, trust_env=False) as idle,
    ):
        for client in (busy, idle):
            assert "connection" not in (await client.get("/healthz")).headers
        server.retire()
        await asyncio.sleep(0.2)  # it looks ten times a second
        assert (await busy.get("/healthz")).headers["connection"] == "close"
        with pytest.raises(httpx.ConnectError):
            await busy.get("/healthz")
        async with asyncio.timeout(4):
            await serving
