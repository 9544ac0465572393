"""The few questions that `up` asks the parts of its stack."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from triptych.errors import CallFailed
from triptych.stack.loopback_http import ask
from triptych.stack.ports import free_ports


class _Part(BaseHTTPRequestHandler):
    """Answers what it was told, or 503."""

    def do_GET(self) -> None:
        self._answer(503, b"not yet")

    def do_POST(self) -> None:
        told = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, told + self.headers["Authorization"].encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Part) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/somewhere"
        server.shutdown()
        thread.join()


def test_what_is_sent_arrives_with_its_headers(url: str) -> None:
    answer = ask("POST", url, headers={"Authorization": "2"}, body=b"4", timeout_seconds=5)

    assert answer.is_success
    assert answer.json() == 42


def test_a_refusal_is_an_answer_that_is_no_success(url: str) -> None:
    answer = ask("GET", url, timeout_seconds=5)

    assert (answer.status, answer.body, answer.is_success) == (503, b"not yet", False)


def test_a_proxy_that_is_meant_for_the_internet_is_not_asked(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert ask("GET", url, timeout_seconds=5).status == 503


def test_where_nobody_listens_the_call_has_failed() -> None:
    (port,) = free_ports(1)

    with pytest.raises(CallFailed, match="does not answer"):
        ask("GET", f"http://127.0.0.1:{port}/", timeout_seconds=5)
