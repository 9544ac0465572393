"""Bad input gets the right 4xx and a stable code, and the next request is unharmed."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image

from benchmarks.local_stack import LocalStack
from tests import pictures

URL = "/v1/predict/digits"
ANY = {"Content-Type": "application/octet-stream"}
TEXT = b"This is no picture, whatever its name says.\n" * 20

REFUSED = {
    "empty body": (b"", 400, "empty_body"),
    "text named .jpg": (TEXT, 422, "undecodable_image"),
    "truncated JPEG": (pictures.seven_jpeg()[:-400], 422, "undecodable_image"),
    "GIF": (pictures.encoded(Image.new("P", (9, 9)), "GIF"), 415, "unsupported_image_format"),
    "144 megapixel PNG": (pictures.bomb_png(), 422, "image_too_large"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_content_is_refused_and_the_next_request_is_unharmed(
    gateway: httpx.Client, name: str
) -> None:
    body, status, code = REFUSED[name]
    response = gateway.post(URL, content=body, headers=ANY)
    assert response.status_code == status, response.text
    assert response.json()["error"]["code"] == code
    assert response.json()["error"]["request_id"] == response.headers["X-Request-Id"]
    assert_a_seven_is_still_a_seven(gateway)


def assert_a_seven_is_still_a_seven(gateway: httpx.Client) -> None:
    answer = gateway.post(URL, content=pictures.seven_jpeg(), headers=ANY)
    assert answer.json()["predictions"][0]["label"] == "7"


def test_one_bad_file_of_eight_fails_alone(gateway: httpx.Client) -> None:
    contents = [pictures.seven_jpeg()] * 8
    contents[3] = TEXT
    parts = [("file", (f"{i}.jpg", body, "image/jpeg")) for i, body in enumerate(contents)]
    response = gateway.post(URL, files=parts)
    assert response.status_code == 200
    results = response.json()["results"]
    assert results[3]["error"]["code"] == "undecodable_image"
    others = [result for place, result in enumerate(results) if place != 3]
    assert [result["predictions"][0]["label"] for result in others] == ["7"] * 7


def test_an_unknown_alias_is_404(gateway: httpx.Client) -> None:
    response = gateway.post("/v1/predict/letters", content=pictures.seven_jpeg(), headers=ANY)
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "unknown_alias"


@pytest.mark.parametrize(
    ("headers", "code"), [({}, "missing_api_key"), ({"X-API-Key": "no"}, "unknown_api_key")]
)
def test_without_a_good_key_the_answer_comes_before_the_body_is_sent(
    stack: LocalStack, headers: dict[str, str], code: str
) -> None:
    head = raw_head(stack, {**headers, **ANY, "Content-Length": "1000000"})
    status, body = send_raw(stack, head)
    assert status == 401
    assert code in body


def test_a_body_that_announces_too_much_is_refused_before_it_is_sent(stack: LocalStack) -> None:
    headers = {"X-API-Key": stack.admin_key, **ANY, "Content-Length": str(21 * 1024 * 1024)}
    status, body = send_raw(stack, raw_head(stack, headers))
    assert status == 413
    assert "payload_too_large" in body


def test_a_body_that_announces_nothing_is_refused_while_it_is_read(
    stack: LocalStack, gateway: httpx.Client
) -> None:
    """A chunked body that never ends: only counting while reading can answer it."""
    headers = {"X-API-Key": stack.admin_key, **ANY, "Transfer-Encoding": "chunked"}
    status, body = send_raw(stack, raw_head(stack, headers), endless_chunks())
    assert status == 413
    assert "payload_too_large" in body
    assert_a_seven_is_still_a_seven(gateway)


def raw_head(stack: LocalStack, headers: dict[str, str]) -> bytes:
    lines = [f"POST {URL} HTTP/1.1", f"Host: {urlsplit(stack.gateway_url).netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def endless_chunks() -> Iterator[bytes]:
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    for _ in range(2_000):  # 125 MiB: far beyond the limit, and still an end
        yield chunk


def send_raw(stack: LocalStack, head: bytes, body: Iterable[bytes] = ()) -> tuple[int, str]:
    """Send the head, then as much body as the other side takes, and read the answer."""
    address = urlsplit(stack.gateway_url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as link:
        link.sendall(head)
        try:
            for chunk in body:
                link.sendall(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused in the middle, as it should be
        answer = link.recv(65536).decode()
        while "}}" not in answer:
            answer += link.recv(65536).decode()
    return int(answer.split()[1]), answer
