"""What is sent in one go, or takes long to read, keeps nobody else waiting."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gateway.jobs.intake.turns import PIECE_BYTES, in_turns
from gateway.jobs.webhooks.webhook_url import resolve
from tests.unit.gateway.jobs.intake.archives_made import a_zip
from tests.unit.gateway.jobs.intake.submitted import ZIP, post
from tests.unit.gateway.running_gateway import StartGateway


async def test_a_large_piece_is_taken_in_small_ones_and_others_have_their_turn() -> None:
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def at_once() -> AsyncIterator[bytes]:
        yield bytes(range(256)) * 1024
        yield b""
        yield b"end"

    others = asyncio.create_task(take_turns())
    pieces, seen = [], []
    async for piece in in_turns(at_once()):
        pieces.append(piece)
        seen.append(turns)
    others.cancel()

    assert b"".join(pieces) == bytes(range(256)) * 1024 + b"end"
    assert max(map(len, pieces)) == PIECE_BYTES
    assert seen == sorted(set(seen))


class Threads(ThreadPoolExecutor):
    """Those of the event loop, which must be there for predictions; knows who used them."""

    def __init__(self) -> None:
        super().__init__(4)
        self.asked: list[str] = []

    def submit(self, fn: Any, /, *args: Any, **named: Any) -> Any:
        """Note who asks."""
        self.asked.append(repr((fn, args)))
        return super().submit(fn, *args, **named)


async def test_archives_are_read_by_threads_of_their_own(start_gateway: StartGateway) -> None:
    threads = Threads()
    asyncio.get_running_loop().set_default_executor(threads)
    gateway = await start_gateway()

    assert (await post(gateway, a_zip(), ZIP)).status_code == 202

    assert any("_write" in it for it in threads.asked)
    assert not any("_part" in it for it in threads.asked)


async def test_names_of_hosts_are_asked_for_by_threads_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked_by: list[str] = []

    def asked(_host: str, _port: int, **_: object) -> list[tuple[object, ...]]:
        asked_by.append(threading.current_thread().name)
        return [(0, 0, 0, "", ("127.0.0.1", 80))]

    monkeypatch.setattr(socket, "getaddrinfo", asked)

    assert [str(it) for it in await resolve("hooks.example", 80)] == ["127.0.0.1"]
    assert asked_by[0].startswith("webhook-host")
