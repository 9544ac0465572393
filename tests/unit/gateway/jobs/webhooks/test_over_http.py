"""The same over a real connection: to a server on this machine, which only an operator allows."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.jobs.job_store import JobStore
from gateway.jobs.webhooks.caller import WebhookCaller, WebhookTrouble
from gateway.jobs.webhooks.courier import Courier
from gateway.jobs.webhooks.notice_store import NoticeStore
from tests.unit.gateway.jobs.conftest import MovedClock
from tests.unit.gateway.jobs.webhooks.conftest import SECRETS, Outside, ended, noticed


@dataclass
class Listener:
    """A server that writes down what it is sent and answers the same to all."""

    answer: bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    port: int = 0
    heard: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(x for x in head.lower().splitlines() if x.startswith(b"content-length:"))
        self.heard.append(head + await reader.readexactly(int(length.split()[1])))
        writer.write(self.answer)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(
    listener: Listener, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Listener]:
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        listener.port = server.sockets[0].getsockname()[1]
        yield listener


async def deliver(engine: AsyncEngine, clock: MovedClock, *allowed: str) -> None:
    courier = Courier(NoticeStore(engine, clock), WebhookCaller(allowed), SECRETS, clock)
    await courier.tick()
    await courier.finish()
    await courier.close()


@pytest.mark.parametrize("allowed", ["127.0.0.0/8", "localhost"])
async def test_a_server_on_this_machine_hears_where_the_operator_allows_it(
    jobs: JobStore, engine: AsyncEngine, clock: MovedClock, allowed: str
) -> None:
    async with listening(Listener()) as listener:
        job = await ended(jobs, f"http://localhost:{listener.port}/ended")
        await deliver(engine, clock, allowed, "::1")

    (heard,) = listener.heard
    assert heard.startswith(b"POST /ended HTTP/1.1\r\n")
    assert f"host: localhost:{listener.port}\r\n".encode() in heard.lower()
    assert b'"type": "job.ended"' in heard
    row = await noticed(engine, job)
    assert (row.trouble, row.next_at) == ("", None)


async def test_and_is_not_even_connected_to_where_nobody_does(
    jobs: JobStore, engine: AsyncEngine, clock: MovedClock
) -> None:
    async with listening(Listener()) as listener:
        job = await ended(jobs, f"http://127.0.0.1:{listener.port}/")
        await deliver(engine, clock)

    assert listener.heard == []
    assert "not public" in (await noticed(engine, job)).trouble


async def test_a_proxy_of_the_environment_is_not_asked(
    jobs: JobStore, engine: AsyncEngine, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(Listener()) as proxy, listening(Listener()) as listener:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        await ended(jobs, f"http://127.0.0.1:{listener.port}/")
        await deliver(engine, clock, "127.0.0.1")

    assert (len(listener.heard), len(proxy.heard)) == (1, 0)


async def test_what_is_no_http_is_trouble_like_any_other(
    jobs: JobStore, engine: AsyncEngine, clock: MovedClock
) -> None:
    async with listening(Listener(answer=b"220 mail.example ESMTP\r\n")) as listener:
        job = await ended(jobs, f"http://127.0.0.1:{listener.port}/")
        await deliver(engine, clock, "127.0.0.1")

    assert "RemoteProtocolError" in (await noticed(engine, job)).trouble


async def test_the_certificate_has_to_be_the_hosts_although_an_address_is_called(
    outside: Outside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, tls = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("hooks.example").configure_cert(tls)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    outside.addresses = ["127.0.0.1"]
    caller = WebhookCaller(["127.0.0.1"], outside.look_up)
    async with listening(Listener(), tls) as listener:
        await caller.call(f"https://hooks.example:{listener.port}/", {}, b"{}")
        assert len(listener.heard) == 1

        with pytest.raises(WebhookTrouble, match="certificate"):
            await caller.call(f"https://other.example:{listener.port}/", {}, b"{}")
        assert len(listener.heard) == 1
    await caller.close()
