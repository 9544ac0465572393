"""A small real HTTP server that says /status as a supervisor does, or says nothing, or nonsense.

Twin: the integration tests ask the real supervisor.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import parse_qs

from python_backends.shared.contract import Task
from triptych.supervisor.status import (
    Heal,
    Phase,
    ReleaseState,
    ReleaseStatus,
    SupervisorStatus,
    TritonStatus,
)
from triptych.supervisor.trace_store import Span

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
    phase: Phase = Phase.SERVING
    instance: str = "the only one"
    releases: list[ReleaseStatus] = field(default_factory=lambda: [a_release("digits", 1)])
    garbage: bytes = b"<html>I am a teapot</html>"
    """What it says when it talks nonsense."""
    traces: dict[str, list[Span]] = field(default_factory=dict)
    """By trace id; any other trace is 404."""
    traces_wait_for: int = 0
    """How often it is asked for a trace in vain first: spans come late."""
    samples: dict[str, object] = field(
        default_factory=lambda: {"interval_seconds": 5.0, "fields": ["requests"], "samples": []}
    )
    heals: list[Heal] = field(default_factory=list)
    repository: dict[str, object] = field(default_factory=dict)
    """What lies on its disk, by release, as /repository tells it."""
    cards: dict[str, object] = field(default_factory=dict)
    """By release, what /releases/{release} tells; any other is 404."""
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    """By the path of an order: the status and sentence with which it is refused."""
    held: dict[str, threading.Event] = field(default_factory=dict)
    """By the path of an order: it is obeyed only after this."""
    orders: list[str] = field(default_factory=list)
    """Paths of the orders that came."""
    queries: list[str] = field(default_factory=list)
    """Their queries."""
    asked: list[str] = field(default_factory=list)
    """Paths, with their queries."""
    times_asked: int = 0
    url: str = ""
    """http://HOST:PORT, once it runs."""

    def obey(self, path: str) -> tuple[int, bytes]:
        """Load or unload: status and body."""
        path, _, query = path.partition("?")
        self.queries.append(query)
        self.orders.append(path)
        if path in self.held:
            self.held[path].wait(10)
        if path in self.refusals:
            status, sentence = self.refusals[path]
            return status, json.dumps({"error": sentence}).encode()
        _, _, name, what = path.split("/")
        alias, _, number = name.rpartition("_r")
        had = [it for it in self.releases if f"{it.alias}_r{it.number}" == name]
        self.releases = [it for it in self.releases if it not in had]
        if what == "load":
            (engine,) = parse_qs(query).get("engine", [it.engine for it in had] or [""])
            self.releases.append(replace(a_release(alias, int(number)), engine=engine))
        return 200, b"{}"

    def answer(self, path: str) -> tuple[int, bytes]:
        """Status and body for one path."""
        if path == "/status":
            return 200, self.status()
        if self.mood is Mood.GARBAGE:
            return 200, self.garbage
        if path.startswith("/traces/"):
            return self._trace(path)
        if path.startswith("/releases/"):
            return self._card(path)
        told = {
            "/repository": {"releases": self.repository, "broken": {}},
            "/releases": json.loads(self.status())["releases"],
        }
        return 200, json.dumps(told.get(path, self.samples)).encode()

    def _card(self, path: str) -> tuple[int, bytes]:
        if path in self.refusals:
            status, sentence = self.refusals[path]
            return status, json.dumps({"error": sentence}).encode()
        card = self.cards.get(path.removeprefix("/releases/"))
        if card is None:
            return 404, b'{"error":"There is no such release on this disk."}'
        return 200, json.dumps(card).encode()

    def _trace(self, path: str) -> tuple[int, bytes]:
        trace_id = path.removeprefix("/traces/")
        if trace_id not in self.traces:
            return 404, b'{"error":"There is no such trace."}'
        if self.traces_wait_for > 0:
            self.traces_wait_for -= 1
            return 404, b'{"error":"There is no such trace."}'
        spans = [span.to_json() for span in self.traces[trace_id]]
        return 200, json.dumps({"trace_id": trace_id, "spans": spans}).encode()

    def status(self) -> bytes:
        """The body of /status, made by the dataclass that the real supervisor fills."""
        if self.mood is Mood.GARBAGE:
            return self.garbage
        status = SupervisorStatus(
            ready=self.is_ready,
            since=SINCE,
            reason=self.reason,
            triton=TritonStatus("127.0.0.1:8000", "127.0.0.1:8001", "127.0.0.1:8002", 1),
            releases={f"{it.alias}_r{it.number}": self._just_seen(it) for it in self.releases},
            instance=self.instance,
            phase=self.phase,
            heals=tuple(self.heals),
        )
        return json.dumps(status.to_json()).encode()

    def _just_seen(self, release: ReleaseStatus) -> ReleaseStatus:
        """With a canary of its own for each question, unless the test says otherwise."""
        return replace(release, last_canary=release.last_canary or f"canary {self.times_asked}")


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
            fake.asked.append(self.path)
            self._send(*fake.answer(self.path))

        def do_POST(self) -> None:
            self._send(*fake.obey(self.path))

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
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
