"""Work for several keys that is under way once, however many wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Flight(Generic[Key, Value]):
    """Work on its way. Its task belongs to none of those who wait, so none can take it along."""

    def __init__(
        self,
        flights: dict[Key, Flight[Key, Value]],
        keys: tuple[Key, ...],
        work: Coroutine[Any, Any, Mapping[Key, Value]],
    ) -> None:
        self._flights = flights
        self._keys = keys
        self._waiting = 0
        self._task = asyncio.create_task(work)
        self._task.add_done_callback(self._land)
        flights.update(dict.fromkeys(keys, self))

    def board(self) -> None:
        """Wait for it from now on; pairs with `leave`."""
        self._waiting += 1

    async def result(self) -> Mapping[Key, Value]:
        """What came of it; a failure reaches everybody who waits."""
        return await asyncio.shield(self._task)

    def leave(self) -> None:
        """Wait no longer; the last one to leave ends what nobody wants."""
        self._waiting -= 1
        if not self._waiting and not self._task.done():
            self._forget()  # at once: nobody may board what is being cancelled
            self._task.cancel()

    def _land(self, task: asyncio.Task[Mapping[Key, Value]]) -> None:
        self._forget()
        if not task.cancelled():
            task.exception()  # seen, also when everybody has left

    def _forget(self) -> None:
        for key in self._keys:
            if self._flights.get(key) is self:
                del self._flights[key]


class SingleFlight(Generic[Key, Value]):
    """Finds the flight that a key is on."""

    def __init__(self) -> None:
        self._flights: dict[Key, Flight[Key, Value]] = {}

    def under_way(self, key: Key) -> Flight[Key, Value] | None:
        """The flight that will bring a key's value."""
        return self._flights.get(key)

    def start(
        self, keys: Iterable[Key], work: Coroutine[Any, Any, Mapping[Key, Value]]
    ) -> Flight[Key, Value]:
        """Start work that will give each of these keys its value."""
        return Flight(self._flights, tuple(keys), work)
