"""Ten thousand keys: who lists them holds nobody else up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from gateway.control_plane import key_routes
from gateway.control_plane.transactions import in_turns
from tests.unit.gateway.running_gateway import Gateway


class Rows:
    """As SQLAlchemy gives them."""

    def partitions(self, size: int | None = None) -> Iterator[Sequence[int]]:
        assert size
        return iter([range(start, start + size) for start in range(0, 10_000, size)])


async def test_others_have_their_turn_while_rows_are_read() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    rows = [row async for row in in_turns(Rows())]
    task.cancel()

    assert rows == list(range(10_000))
    assert turns >= 20


async def test_the_list_is_written_beside_the_event_loop(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    write = key_routes._written

    def noted(*given: Any) -> str:
        threads.append(threading.current_thread())
        return write(*given)

    monkeypatch.setattr(key_routes, "_written", noted)
    answer = await gateway.client.get("/v1/admin/keys", headers=gateway.admin)

    # Other tests leave keys of theirs in the same gateway.
    assert {"admin", "ui"} <= {key["name"] for key in answer.json()["keys"]}
    assert threads
    assert threading.main_thread() not in threads
