"""What only a real socket shows: when bodies are read, when connections end, who went away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.running_gateway import Gateway, StartGateway, until

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def _connected(gateway: Gateway) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    try:
        yield reader, writer
    finally:
        writer.close()


def _head(*lines: str, path: str = "/v1/predict/digits", **headers: str) -> bytes:
    named = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *lines, *named, "", ""]).encode()


async def _status_and_code(
    reader: asyncio.StreamReader, *, closes: bool = False
) -> tuple[int, str]:
    """Read one answer, without waiting for the connection to end."""
    async with asyncio.timeout(5):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        body = json.loads(await reader.readexactly(length))
    assert ("connection: close" in head) == closes
    return int(head.split()[1]), body["error"]["code"]


async def test_a_request_without_a_key_is_refused_before_any_of_its_body_comes(
    gateway: Gateway,
) -> None:
    for path in ("/v1/predict/digits", "/v1/admin/keys"):
        async with _connected(gateway) as (reader, writer):
            writer.write(_head(path=path, Content_Length="1000000"))
            assert await _status_and_code(reader) == (401, "missing_api_key")


async def test_a_declared_length_above_the_limit_is_refused_before_any_of_the_body_comes(
    serve_gateway: StartGateway,
) -> None:
    gateway = await serve_gateway(max_image_bytes=1000, max_body_bytes=2000)
    form = "multipart/form-data; boundary=x"
    for headers, key, path in [
        ({"Content_Length": "1001"}, gateway.ui, "/v1/predict/digits"),
        ({"Content_Length": "2001", "Content_Type": form}, gateway.ui, "/v1/predict/digits"),
        ({"Content_Length": "99999"}, gateway.admin, "/v1/admin/keys"),
    ]:
        async with _connected(gateway) as (reader, writer):
            writer.write(_head(path=path, **key, **headers))
            assert await _status_and_code(reader) == (413, "payload_too_large")
    assert await gateway.in_flight() == 0


async def test_who_waits_for_permission_to_send_is_refused_instead(
    gateway: Gateway,
) -> None:
    async with _connected(gateway) as (reader, writer):
        writer.write(_head(Content_Length="1000000", Expect="100-continue"))
        assert await _status_and_code(reader, closes=True) == (401, "missing_api_key")
        assert await reader.read() == b""  # no "100 Continue" comes after, and the connection ends


async def test_a_body_of_unknown_length_is_refused_while_it_is_read(
    serve_gateway: StartGateway,
) -> None:
    gateway = await serve_gateway(max_image_bytes=1000)
    async with _connected(gateway) as (reader, writer):
        writer.write(_head(Transfer_Encoding="chunked", **gateway.ui))
        writer.write(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
        await until(lambda: _one_in_flight(gateway))
        writer.write(b"1\r\nx\r\n")  # one byte too many, and the body has no end yet
        assert await _status_and_code(reader, closes=True) == (413, "payload_too_large")
    await until(lambda: _nothing_in_flight(gateway))


async def test_a_body_in_many_small_pieces_is_put_together(
    triton: FakeTriton, gateway: Gateway
) -> None:
    image = bytes(range(256))
    triton.answers[image] = ranked("7")

    async def pieces() -> AsyncIterator[bytes]:
        for byte in image:
            yield bytes([byte])
            await asyncio.sleep(0)

    answer = await gateway.client.post("/v1/predict/digits", content=pieces(), headers=gateway.ui)
    assert answer.status_code == 200
    assert triton.images() == [image]


async def test_a_client_that_sends_everything_before_it_reads_still_gets_the_refusal(
    serve_gateway: StartGateway,
) -> None:
    gateway = await serve_gateway(max_image_bytes=1000)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 65536

    for headers, status in [({}, 401), (gateway.ui, 413)]:
        for body in (pieces(), b"x" * 6_553_600):
            answer = await gateway.client.post("/v1/predict/digits", content=body, headers=headers)
            assert answer.status_code == status
            assert answer.headers["Connection"] == "close"


async def test_a_client_that_goes_away_while_it_sends_gives_its_place_back(
    serve_gateway: StartGateway, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = await serve_gateway(max_in_flight=1)
    caplog.set_level("INFO", "gateway.access")
    for content_type in ("image/png", "multipart/form-data; boundary=x"):
        caplog.clear()
        async with _connected(gateway) as (_, writer):
            writer.write(_head(Content_Length="99", Content_Type=content_type, **gateway.ui))
            writer.write(b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nx')
            await until(lambda: _one_in_flight(gateway))
        await until(lambda: "gateway.access" in {line.name for line in caplog.records})
        (line,) = (line for line in caplog.records if line.name == "gateway.access")
        assert line.__dict__["fields"]["status"] == 499
        assert await gateway.in_flight() == 0


async def test_a_client_that_goes_away_while_triton_works_gives_its_place_back(
    triton: FakeTriton, serve_gateway: StartGateway
) -> None:
    triton.may_answer.clear()
    gateway = await serve_gateway(max_in_flight=1, inference_timeout_seconds=0.2)
    async with _connected(gateway) as (_, writer):
        writer.write(_head(Content_Length="5", **gateway.ui) + b"seven")
        await until(lambda: len(triton.asked) == 1)
    await until(lambda: _nothing_in_flight(gateway))


async def test_a_client_that_falls_silent_gives_its_place_back(
    serve_gateway: StartGateway,
) -> None:
    gateway = await serve_gateway(max_in_flight=1, body_silence_seconds=0.05)
    for content_type in ("image/png", "multipart/form-data; boundary=x"):
        async with _connected(gateway) as (reader, writer):
            writer.write(_head(Content_Length="99", Content_Type=content_type, **gateway.ui))
            writer.write(b"--x\r\n")
            assert await _status_and_code(reader, closes=True) == (408, "body_timeout")
            assert await gateway.in_flight() == 0


async def test_a_body_that_comes_steadily_but_never_ends_gives_its_place_back(
    serve_gateway: StartGateway,
) -> None:
    gateway = await serve_gateway(max_in_flight=1, body_seconds=0.3)
    async with _connected(gateway) as (reader, writer):
        writer.write(_head(Content_Length="99999", **gateway.ui))
        answering = asyncio.create_task(_status_and_code(reader, closes=True))
        while not answering.done():
            writer.write(b"x")
            await asyncio.sleep(0.02)
        assert await answering == (408, "body_timeout")
        assert await gateway.in_flight() == 0


async def test_a_refused_body_of_modest_size_is_thrown_away_and_the_connection_goes_on(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    async with _connected(gateway) as (reader, writer):
        for path, headers, expected in [
            ("/v1/predict/digits", {}, (401, "missing_api_key")),
            ("/v1/predict/letters", gateway.ui, (404, "unknown_alias")),
            ("/nowhere", {}, (404, "not_found")),
            ("/v1/admin/keys", gateway.admin, (413, "payload_too_large")),
        ]:
            writer.write(_head(path=path, Content_Length="1000000", **headers))
            assert await _status_and_code(reader) == expected
            writer.write(b"GET /healthz HTTP/1.1\r\n\r\n" * 40_000)  # must never be a request
            await writer.drain()
            # The rest of what was declared, and the next request right behind it.
            writer.write(b"x" * (1_000_000 % 25))
        writer.write(_head(Content_Length="5", **gateway.ui) + b"noise")
        assert await _status_and_code(reader) == (422, "undecodable_image")


async def test_the_rest_of_a_refused_body_is_not_waited_for_without_end(
    serve_gateway: StartGateway,
) -> None:
    gateway = await serve_gateway(header_seconds=0.3)
    async with _connected(gateway) as (reader, writer):
        writer.write(_head(Content_Length="1000000"))
        assert await _status_and_code(reader) == (401, "missing_api_key")
        writer.write(b"x")
        async with asyncio.timeout(5):
            assert await reader.read() == b""


async def test_an_answered_image_leaves_the_connection_open(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    async with _connected(gateway) as (reader, writer):
        for _ in range(2):
            writer.write(_head(Content_Length="5", **gateway.ui) + b"noise")
            assert await _status_and_code(reader) == (422, "undecodable_image")


async def test_the_server_does_not_say_what_it_is_made_of(gateway: Gateway) -> None:
    answer: httpx.Response = await gateway.client.get("/healthz")
    assert answer.json() == {"status": "ok"}
    assert "Server" not in answer.headers


async def _one_in_flight(gateway: Gateway) -> bool:
    return await gateway.in_flight() == 1


async def _nothing_in_flight(gateway: Gateway) -> bool:
    return await gateway.in_flight() == 0
