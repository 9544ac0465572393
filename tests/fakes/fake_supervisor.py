"""A small real HTTP server that says /status as a supervisor does, or says nothing, or nonsense.

Twin: the integration tests ask the real supervisor.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from python_backends.shared.contract import Task
from triptych.stack.supervisor_status import (
    ReleaseState,
    ReleaseStatus,
    SupervisorStatus,
    TritonStatus,
)

SINCE: Final = "2026-01-31T12:00:00.000Z"


class Mood(Enum):
    """How the supervisor answers."""

    HONEST = auto()  # its status, as JSON
    SILENT = auto()  # the connection ends without an answer
    GARBAGE = auto()  # something that is not a status


def a_release(
    alias: str,
    number: int,
    *,
    promotable: bool = True,
    top_k: int = 10,
    task: Task = Task.IMAGE_CLASSIFICATION,
    fingerprint: str = "0123456789abcdef",
) -> ReleaseStatus:
    """A release that is loaded and right; at most eight items make a batch."""
    return ReleaseStatus(
        alias=alias,
        number=number,
        task=task,
        promotable=promotable,
        max_batch_size=8,
        top_k=top_k,
        fingerprint=fingerprint,
        state=ReleaseState.READY,
        since=SINCE,
    )


@dataclass
class FakeSupervisor:
    """What the supervisor will say, and how often it was asked."""

    mood: Mood = Mood.HONEST
    is_ready: bool = True
    reason: str | None = None
    releases: list[ReleaseStatus] = field(default_factory=lambda: [a_release("digits", 1)])
    garbage: bytes = b"<html>I am a teapot</html>"
    """What it says when it talks nonsense."""
    times_asked: int = 0
    url: str = ""
    """http://HOST:PORT, once it runs."""

    def status(self) -> bytes:
        """The body of /status, made by the dataclass that the real supervisor fills."""
        if self.mood is Mood.GARBAGE:
            return self.garbage
        status = SupervisorStatus(
            ready=self.is_ready,
            since=SINCE,
            reason=self.reason,
            triton=TritonStatus("127.0.0.1:8000", "127.0.0.1:8001", "127.0.0.1:8002", 1),
            releases={f"{release.alias}_r{release.number}": release for release in self.releases},
        )
        return json.dumps(status.to_json()).encode()


@contextmanager
def running_supervisor() -> Iterator[FakeSupervisor]:
    """Serve on a free loopback port."""
    fake = FakeSupervisor()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fake.times_asked += 1
            if fake.mood is Mood.SILENT:
                self.close_connection = True
                return
            body = fake.status()
            self.send_response(200 if self.path == "/status" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
