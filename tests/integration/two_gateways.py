"""Two real Tritons behind two real gateways that share a PostgreSQL, and clients of both."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.local_stack import LocalStack, local_stack
from tests import pictures
from tests.faulty_candidates import marked_seven
from tests.gateway_process import gateway_process
from tests.real_postgres import RealPostgres


@dataclass(frozen=True)
class TwoGateways:
    """Where they answer."""

    stack: LocalStack
    urls: tuple[str, str]
    repository: Path

    def call(self, method: str, path: str, gateway: int = 0, **body: Any) -> dict[str, Any]:
        """Administer through one of them; it must succeed."""
        answer = self.ask(method, path, gateway, **body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def ask(self, method: str, path: str, gateway: int = 0, **body: Any) -> httpx.Response:
        """The same, whatever comes of it."""
        headers = {"X-API-Key": self.stack.admin_key, "If-Match": "*"}
        json = body if method in {"POST", "PUT"} else None
        url = f"{self.urls[gateway]}{path}"
        return httpx.request(method, url, json=json, headers=headers, timeout=120, trust_env=False)


@contextmanager
def two_gateways(folder: Path, repository: Path, postgres: RealPostgres) -> Iterator[TwoGateways]:
    """Run them until the end of the block."""
    database = postgres.new_database()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATEWAY_DATABASE_URL", database)
        with local_stack(folder / "state", repository, "--no-ui", "--tritons", "2") as stack:
            tritons = stack.tritons
            second = gateway_process(
                stack.state_dir,
                folder / "second.log",
                database_url=database,
                triton_urls=",".join(it["grpc"] for it in tritons),
                supervisor_urls=",".join(it["supervisor"] for it in tritons),
            )
            with second as gateway:
                gateway.wait_until_it_answers()
                yield TwoGateways(stack, (stack.gateway_url, gateway.url), repository)


@dataclass(frozen=True)
class Seen:
    """One request: when it was sent, by the clock of `time.monotonic`, and what came back."""

    sent_at: float
    status: int
    release: str
    label: str
    triton_ms: float = 0.0


@dataclass
class Clients:
    """What clients saw so far."""

    seen: list[Seen] = field(default_factory=list)

    def failed(self) -> list[Seen]:
        """Those that got no answer."""
        return [it for it in self.seen if it.status != 200]

    def of(self, release: str) -> int:
        """How many met a release."""
        return sum(it.release == release for it in self.seen)


@contextmanager
def eight_clients(where: TwoGateways, *, marked_share: float = 0.0) -> Iterator[Clients]:
    """Four on each gateway that ask without a pause; some of their pictures bear the mark."""
    clients, over = Clients(), threading.Event()
    plain, marked = pictures.seven_jpeg(), marked_seven()

    def run(url: str, seed: int) -> None:
        dice = random.Random(seed)  # noqa: S311 - no secret
        headers = {"X-API-Key": where.stack.admin_key, "Content-Type": "image/jpeg"}
        with httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False) as client:
            while not over.is_set():
                content = marked if dice.random() < marked_share else plain
                clients.seen.append(_ask(client, content))

    threads = [
        threading.Thread(target=run, args=(where.urls[number % 2], number)) for number in range(8)
    ]
    for thread in threads:
        thread.start()
    try:
        yield clients
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _ask(client: httpx.Client, content: bytes) -> Seen:
    sent_at = time.monotonic()
    try:
        answer = client.post("/v1/predict/digits", content=content)
    except httpx.HTTPError as exc:
        return Seen(sent_at, 0, repr(exc), "")
    if not answer.is_success:
        return Seen(sent_at, answer.status_code, answer.text, "")
    body = answer.json()
    label, triton_ms = body["predictions"][0]["label"], body["timing"]["triton_ms"]
    return Seen(sent_at, 200, body["release"], label, triton_ms)
