"""What two readers could understand differently is refused, whatever stands before us."""

from __future__ import annotations

import pytest

from gateway.transport.request_target import check_target
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.raw_connection import connected
from tests.unit.gateway.running_gateway import Gateway

_PATH = "/v1/predict/digits"
_CHUNKED = "Transfer-Encoding: chunked"


def _post(*headers: str, body: str = "", version: str = "1.1") -> bytes:
    return "\r\n".join([f"POST {_PATH} HTTP/{version}", "Host: x", *headers, "", body]).encode()


def _get(target: str = "/healthz", *headers: str, version: str = "HTTP/1.1") -> bytes:
    return "\r\n".join([f"GET {target} {version}", "Host: x", *headers, "", ""]).encode()


_REFUSED = {
    "length and chunks": _post("Content-Length: 5", _CHUNKED, body="0\r\n\r\n"),
    "chunks and length": _post(_CHUNKED, "Content-Length: 5", body="0\r\n\r\n"),
    "the same length twice": _post("Content-Length: 5", "Content-Length: 5", body="seven"),
    "two lengths": _post("Content-Length: 5", "Content-Length: 6", body="seven"),
    "a list of lengths": _post("Content-Length: 5, 5", body="seven"),
    "a length with a sign": _post("Content-Length: +5", body="seven"),
    "a negative length": _post("Content-Length: -5", body="seven"),
    "a hexadecimal length": _post("Content-Length: 0x5", body="seven"),
    "an empty length": _post("Content-Length:", body="seven"),
    "a length beyond all numbers": _post("Content-Length: 99999999999999999999", body="seven"),
    "two numbers in a length": _post("Content-Length: 5 5", body="seven"),
    "a space before the colon": _post("Content-Length : 5", body="seven"),
    "chunked twice": _post(_CHUNKED, _CHUNKED, body="0\r\n\r\n"),
    "a coding that is none": _post("Transfer-Encoding: identity", body="seven"),
    "a coding besides chunked": _post("Transfer-Encoding: gzip, chunked", body="0\r\n\r\n"),
    "chunked and then not": _post("Transfer-Encoding: chunked, gzip", body="0\r\n\r\n"),
    "almost chunked": _post("Transfer-Encoding: xchunked", body="0\r\n\r\n"),
    "chunks in HTTP/1.0": _post(_CHUNKED, body="0\r\n\r\n", version="1.0"),
    "line feeds alone": b"GET /healthz HTTP/1.1\nHost: x\n\n",
    "a line feed alone behind a header": b"GET /healthz HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
    "a carriage return alone": b"GET /healthz HTTP/1.1\r\nHost: x\rA: b\r\n\r\n",
    "a folded header": _get("/healthz", "A: b\r\n c"),
    "a folded first header": b"GET /healthz HTTP/1.1\r\n Host: x\r\n\r\n",
    "NUL in a value": _get("/healthz", "A: b\0c"),
    "NUL in a name": _get("/healthz", "A\0: b"),
    "another control character": _get("/healthz", "A: b\x01c"),
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": _get("/healthz", "Host: y"),
    "two keys": _get("/metrics", "Authorization: a", "Authorization: b"),
    "two content types": _post("Content-Type: image/png", "Content-Type: text/plain"),
    "another host in the target": _get("http://evil/healthz"),
    "a user in the target": _get("http://a@x/healthz"),
    "a target without a path": _get("http://x"),
    "a target that is no path": _get("healthz"),
    "a fragment": _get("/healthz#a"),
    "a tunnel": b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    "HTTP/0.9": b"GET /healthz\r\n\r\n",
    "HTTP/1.2": _get(version="HTTP/1.2"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/2 in words": _get(version="HTTP/2.0"),
    "another protocol": _get(version="ICE/1.1"),
    "a method that is none": b"get /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32),
}
_REFUSED_IN_THE_BODY = {
    "a negative chunk": "-1\r\n\r\n",
    "a chunk with a prefix": "0x5\r\nseven\r\n0\r\n\r\n",
    "a chunk behind a line feed": "5\nseven\r\n0\r\n\r\n",
    "a chunk without an end": "5\r\nsevens\r\n0\r\n\r\n",
    "a chunk beyond all numbers": "ffffffffffffffffff\r\nseven\r\n0\r\n\r\n",
    "a space in a chunk's size": "5 \r\nseven\r\n0\r\n\r\n",
}
# A request hidden behind each, which must never be answered.
_HIDDEN = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("name", _REFUSED)
async def test_an_ambiguous_head_is_refused_and_ends_the_connection(
    gateway: Gateway, name: str
) -> None:
    async with connected(gateway) as connection:
        connection.send(_REFUSED[name] + _HIDDEN)
        answer = await connection.answer()
        assert (answer.status, answer.code) == (400, "malformed_request")
        assert answer.headers["connection"] == "close"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert len(answer.headers["x-request-id"]) == 32
        assert b"HTTP/1.1" not in await connection.rest()


@pytest.mark.parametrize("name", _REFUSED_IN_THE_BODY)
async def test_an_ambiguous_body_is_refused_and_ends_the_connection(
    gateway: Gateway, name: str
) -> None:
    async with connected(gateway) as connection:
        key = f"X-API-Key: {gateway.ui['X-API-Key']}"
        connection.send(_post(_CHUNKED, key, body=_REFUSED_IN_THE_BODY[name]) + _HIDDEN)
        answer = await connection.answer()
        assert (answer.status, answer.code) == (400, "malformed_request")
        assert b"HTTP/1.1" not in await connection.rest()


@pytest.mark.parametrize(
    "request_bytes",
    [
        _get(),
        _get("/healthz", "A: b", "A: c"),
        _get("http://x/healthz"),
        _get("/healthz", "Connection: Upgrade", "Upgrade: h2c"),
        _get("/healthz", "Connection: Upgrade", "Upgrade: websocket"),
        b"\r\n" + _get(),
        b"GET /healthz HTTP/1.0\r\n\r\n",
    ],
)
async def test_what_is_clear_is_answered(gateway: Gateway, request_bytes: bytes) -> None:
    async with connected(gateway) as connection:
        connection.send(request_bytes)
        assert (await connection.answer()).status == 200


async def test_behind_an_upgrade_that_was_not_taken_nothing_is_read(gateway: Gateway) -> None:
    async with connected(gateway) as connection:
        connection.send(_get("/healthz", "Connection: Upgrade", "Upgrade: h2c") + _HIDDEN)
        answer = await connection.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await connection.rest() == b""


async def test_a_trailer_is_no_header(triton: FakeTriton, gateway: Gateway) -> None:
    triton.answers[b"seven"] = ranked("7")
    key = f"X-API-Key: {gateway.ui['X-API-Key']}"
    body = "5;a=b\r\nseven\r\n0\r\n{}\r\n\r\n"
    async with connected(gateway) as connection:
        for trailer in ("Content-Type: text/plain", "Host: y", "Authorization: Bearer x"):
            connection.send(_post(_CHUNKED, key, body=body.format(trailer)))
            assert (await connection.answer()).status == 200
        connection.send(_post(_CHUNKED, body=body.format(key)))
        assert (await connection.answer()).status == 401


@pytest.mark.parametrize(
    ("target", "host", "is_clear"),
    [
        (b"/", None, True),
        (b"*", b"x", True),
        (b"//evil/x", b"x", True),  # a path, since only a browser would take it for a host
        (b"http://X:80/a", b"x:80", True),
        (b"http://x:80/a", b"x", False),
        (b"http://x/a", None, False),
        (b"x:80", b"x", False),
    ],
)
def test_a_target_is_a_path_or_a_url_of_this_host(
    target: bytes, host: bytes | None, is_clear: bool
) -> None:
    assert (check_target(target, host) is None) == is_clear
