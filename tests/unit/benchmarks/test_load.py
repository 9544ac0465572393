from __future__ import annotations

import math
from dataclasses import dataclass

from benchmarks.comparison.load import AnswerFailed, quantile, run_clients


@dataclass
class ScriptedClient:
    """Answers batches of two at once, and fails where it is told to."""

    failing: frozenset[int] = frozenset()
    asked: int = 0

    async def ask(self, number: int) -> list[str]:
        self.asked += 1
        if number in self.failing:
            raise AnswerFailed("503 overloaded")
        return ["a", "b"]

    async def close(self) -> None:
        pass


async def test_every_request_is_counted_as_answered_or_failed() -> None:
    clients = [ScriptedClient(frozenset({1, 2})), ScriptedClient(frozenset({1, 2}))]

    load = await run_clients(clients, 0.05)

    assert load.errors == 2
    assert load.first_error == "AnswerFailed: 503 overloaded"
    assert len(load.times_ms) + load.errors == sum(client.asked for client in clients)
    assert load.images == 2 * len(load.times_ms)
    assert load.seconds >= 0.05


async def test_a_server_that_always_refuses_is_not_asked_in_a_busy_loop() -> None:
    client = ScriptedClient(frozenset(range(1_000_000)))

    load = await run_clients([client], 0.1)

    assert load.images == 0
    assert client.asked < 20


def test_a_quantile_is_one_of_the_values() -> None:
    values = [float(it) for it in range(100, 0, -1)]

    assert quantile(values, 0.5) == 51
    assert quantile(values, 0.99) == 100
    assert quantile([7.0], 0.99) == 7
    assert math.isnan(quantile([], 0.5))
