"""Clients that ask, wait for the answer and ask again, for so many seconds; and what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

# After a failure: a server that refuses at once must not be asked in a busy loop.
_PAUSE_SECONDS: Final = 0.02
_REQUEST_SECONDS: Final = 60.0


class AnswerFailed(Exception):
    """The server answered, but not what was asked for."""


class Client(Protocol):
    """One connection, one request at a time."""

    async def ask(self, number: int) -> list[str]:
        """Send the request of this number (they repeat), and wait for its answer.

        Returns:
            The first label of every picture in it.

        Raises:
            Exception: whatever goes wrong; it is counted.
        """

    async def close(self) -> None:
        """Hang up."""


@dataclass
class Load:
    """What many requests came to."""

    times_ms: list[float] = field(default_factory=list)
    """Of each answered request."""
    images: int = 0
    errors: int = 0
    first_error: str = ""
    seconds: float = 0.0


async def run_clients(clients: Sequence[Client], seconds: float) -> Load:
    """Let every client ask until the time is over, and wait for the last answers."""
    load, numbers = Load(), iter(range(1 << 62))
    started = time.perf_counter()
    deadline = started + seconds

    async def run(client: Client) -> None:
        while (before := time.perf_counter()) < deadline:
            try:
                labels = await asyncio.wait_for(client.ask(next(numbers)), _REQUEST_SECONDS)
            except Exception as exc:  # noqa: BLE001 - any failure is a line of the report
                load.errors += 1
                load.first_error = load.first_error or f"{type(exc).__name__}: {exc}"
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                load.times_ms.append((time.perf_counter() - before) * 1000)
                load.images += len(labels)

    await asyncio.gather(*map(run, clients))
    load.seconds = time.perf_counter() - started
    return load


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which so many lie; nan of none."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else float("nan")
