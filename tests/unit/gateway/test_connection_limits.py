"""What one connection may cost: header bytes, seconds, pipelines; and how many there may be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from itertools import count, cycle

import pytest

from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.raw_connection import RawConnection, connected
from tests.unit.gateway.running_gateway import Gateway, StartGateway, until

_START = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
_HEALTHZ = _START + b"\r\n"


async def _refused(gateway: Gateway, code: str) -> int:
    text = (await gateway.client.get("/metrics", headers=gateway.admin)).text
    name = f'triptych_gateway_refused_connections_total{{code="{code}"}}'
    return int(sum(float(x.split()[1]) for x in text.splitlines() if x.startswith(name)))


async def _flood(connection: RawConnection, pieces: Iterator[bytes]) -> int:
    """Send until the gateway has had enough, and say how many bytes it took."""
    sent = 0
    for piece in pieces:
        connection.send(piece)
        try:
            await connection.writer.drain()
        except ConnectionError:
            break
        sent += len(piece)
        if connection.reader.at_eof() or sent > 100_000_000:
            break
        await asyncio.sleep(0)
    return sent


async def test_headers_may_have_so_many_bytes_and_no_more(gateway: Gateway) -> None:
    for value_bytes, status in [(32_000, 200), (33_000, 431), (200_000, 431)]:
        async with connected(gateway) as connection:
            connection.send(_START + b"A: " + b"a" * value_bytes + b"\r\n\r\n")
            assert (await connection.answer()).status == status
    async with connected(gateway) as connection:
        connection.send(b"GET /" + b"a" * 33_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = await connection.answer()
        assert (answer.status, answer.code) == (431, "headers_too_large")
    assert await _refused(gateway, "headers_too_large") >= 3


async def test_small_headers_may_not_be_too_many(gateway: Gateway) -> None:
    for headers, status in [(99, 200), (100, 431), (8000, 431)]:
        async with connected(gateway) as connection:
            connection.send(_START + b"a:\r\n" * headers + b"\r\n")
            assert (await connection.answer()).status == status


@pytest.mark.parametrize("piece", [b"a" * 65536, b"A: b\r\n" * 10_000])
async def test_headers_without_end_are_refused_while_they_come(
    gateway: Gateway, piece: bytes
) -> None:
    before = await _refused(gateway, "headers_too_large")
    async with connected(gateway) as connection:
        connection.send(_START)
        assert await _flood(connection, (piece for _ in count())) < 50_000_000
    assert await _refused(gateway, "headers_too_large") == before + 1


@pytest.mark.parametrize(
    "piece",
    [b"1;" + b"a" * 65536, b"0\r\nA: " + b"a" * 65536, b"0\r\n" + b"A: b\r\n" * 10_000],
)
async def test_a_body_that_is_all_framing_is_refused_while_it_comes(
    gateway: Gateway, piece: bytes
) -> None:
    before = await _refused(gateway, "malformed_request")
    async with connected(gateway) as connection:
        key = gateway.ui["X-API-Key"].encode()
        connection.send(
            b"POST /v1/predict/digits HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            b"X-API-Key: " + key + b"\r\n\r\n" + piece
        )
        more = piece.partition(b"\r\n")[2] or piece[2:]
        assert await _flood(connection, (more for _ in count())) < 50_000_000
    assert await _refused(gateway, "malformed_request") == before + 1


async def test_headers_that_trickle_are_given_up(serve_gateway: StartGateway) -> None:
    gateway = await serve_gateway(header_seconds=0.3)
    started = time.monotonic()
    async with connected(gateway) as connection:
        connection.send(_START)
        answering = asyncio.create_task(connection.answer())
        for byte in cycle(b"A: b\r\n"):
            if answering.done():
                break
            connection.send(bytes([byte]))
            await asyncio.sleep(0.02)
        answer = await answering
        assert (answer.status, answer.code) == (408, "header_timeout")
        assert await connection.rest() == b""
    assert 0.2 < time.monotonic() - started < 2
    assert await _refused(gateway, "header_timeout") == 1


async def test_who_says_nothing_is_left_without_a_word(serve_gateway: StartGateway) -> None:
    gateway = await serve_gateway(header_seconds=0.5)
    async with connected(gateway) as silent, connected(gateway) as idle:
        for _ in range(2):
            idle.send(_HEALTHZ)
            assert (await idle.answer()).status == 200
        assert await silent.rest() == b""
        assert await idle.rest() == b""


async def test_the_clock_of_headers_begins_anew_with_each_request(
    serve_gateway: StartGateway,
) -> None:
    gateway = await serve_gateway(header_seconds=1.0)
    async with connected(gateway) as connection:
        await asyncio.sleep(0.6)
        connection.send(_START)
        await asyncio.sleep(0.6)
        connection.send(b"\r\n")
        assert (await connection.answer()).status == 200


async def test_an_answer_may_take_longer_than_headers_may(
    triton: FakeTriton, serve_gateway: StartGateway
) -> None:
    gateway = await serve_gateway(header_seconds=0.1)
    triton.answers[b"seven"] = ranked("7")
    triton.may_answer.clear()
    asked = asyncio.create_task(
        gateway.client.post("/v1/predict/digits", content=b"seven", headers=gateway.ui)
    )
    await asyncio.sleep(0.4)
    triton.may_answer.set()
    assert (await asked).status_code == 200


async def test_connections_above_the_limit_are_told_so_and_closed(
    serve_gateway: StartGateway,
) -> None:
    gateway = await serve_gateway(max_connections=3)
    async with connected(gateway) as first, connected(gateway) as second:
        for connection in (first, second):
            connection.send(_HEALTHZ)
            assert (await connection.answer()).status == 200
        async with connected(gateway) as third:
            third.send(_HEALTHZ)
            assert (await third.answer()).status == 200
            async with connected(gateway) as fourth:
                answer = await fourth.answer()
                assert (answer.status, answer.code) == (503, "too_many_connections")
                assert answer.headers["retry-after"] == "1"
                assert await fourth.rest() == b""
    await until(lambda: _is_served(gateway))
    assert await _refused(gateway, "too_many_connections") >= 1


async def _is_served(gateway: Gateway) -> bool:
    return (await gateway.client.get("/healthz")).status_code == 200


async def test_a_few_requests_at_once_are_answered_in_order_and_very_many_are_not(
    gateway: Gateway,
) -> None:
    async with connected(gateway) as connection:
        connection.send(_HEALTHZ * 5)
        for _ in range(5):
            assert (await connection.answer()).status == 200
        connection.send(_HEALTHZ * 1000)
        assert (await connection.answer()).status == 200
        assert (await connection.rest()).count(b"HTTP/1.1 200") < 20


async def test_garbage_behind_a_request_does_not_overtake_its_answer(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    triton.may_answer.clear()
    async with connected(gateway) as connection:
        key = gateway.ui["X-API-Key"].encode()
        connection.send(
            b"POST /v1/predict/digits HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
            b"X-API-Key: " + key + b"\r\n\r\nseven" + _HEALTHZ + b"garbage\r\n\r\n"
        )
        await until(lambda: len(triton.asked) == 1)
        triton.may_answer.set()
        assert (await connection.answer()).status == 200
        assert await connection.rest() == b""


async def test_who_does_not_read_answers_is_cut_off(serve_gateway: StartGateway) -> None:
    gateway = await serve_gateway(header_seconds=0.3)
    async with connected(gateway) as connection:
        asks = b"GET /static-offline-docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
        connection.send(asks * 10)  # 14 MB, more than sockets hold
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]  # asyncio types it as a base class
        await until(lambda: _connection_is_gone(connection))


async def _connection_is_gone(connection: RawConnection) -> bool:
    connection.send(b"\r\n")
    try:
        await connection.writer.drain()
    except ConnectionError:
        return True
    return False
