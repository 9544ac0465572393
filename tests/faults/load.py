"""The load: closed-loop clients in a process of their own, who know every right answer.

    python -m tests.faults.load --url U --repository R --log F   (the key comes on the first line)

Each further line on its input is a JSON object of shares, {"poison": 0.02}, or {"paused": true};
the end of the input is the end of the load. Each request writes two lines: when it is sent
({"i", "t"}) and when it is over ({"i", "t", "kind", "seconds", "outcome", "why"}); times are of
the machine's monotonic clock, which all of its processes share.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO
from urllib.parse import urlsplit

from tests.faults.connection import Connection, NoAnswer
from tests.faults.known_answers import Question, questions_of
from tests.faults.poison import oversized, poisoned_image

CLIENTS: Final = 8
# Some work left over for the machine's other processes: two cores are all there are.
THINKING_SECONDS: Final = 0.06
PATIENCE_SECONDS: Final = 30.0
_WEIGHTS: Final = {"image": 10.0, "text": 8.0, "texts": 3.0, "form": 2.0, "v2": 3.0}


@dataclass
class Load:
    """What all clients share."""

    host: str
    port: int
    key: str
    questions: list[Question]
    log: TextIO
    seed: int
    shares: dict[str, float] = field(default_factory=dict)
    going: asyncio.Event = field(default_factory=asyncio.Event)
    is_over: bool = False

    async def client(self, number: int) -> None:
        """Ask, think, ask again."""
        rng = random.Random(f"{self.seed}-{number}")  # noqa: S311 - a load, not a secret
        weights = [_WEIGHTS[question.kind] for question in self.questions]
        connection = Connection(self.host, self.port)
        count = 0
        while not self.is_over:
            await self.going.wait()
            question = self._unusual(rng) or rng.choices(self.questions, weights)[0]
            count += 1
            await self._ask(connection, question, f"fault-{self.seed}-{number}-{count}")
            await asyncio.sleep(THINKING_SECONDS * rng.uniform(0.5, 1.5))
        connection.close()

    def _unusual(self, rng: random.Random) -> Question | None:
        chance = rng.random()
        if chance < self.shares.get("poison", 0.0):
            return poisoned_image(rng)
        if chance > 1 - self.shares.get("oversized", 0.0):
            return oversized(rng)
        return None

    async def _ask(self, connection: Connection, question: Question, name: str) -> None:
        started = time.monotonic()
        self._write(i=name, t=started)
        outcome, why = "failed", f"no answer within {PATIENCE_SECONDS} s"
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                request = question.bytes_with(self.key, name)
                outcome, why = judge(question, *await connection.ask(request))
        except NoAnswer as exc:
            why = str(exc)
        except TimeoutError:
            connection.close()
        if outcome == "failed" and not question.is_good:
            outcome = "odd"
        now = time.monotonic()
        seconds = round(now - started, 4)
        self._write(i=name, t=now, kind=question.kind, seconds=seconds, outcome=outcome, why=why)

    def _write(self, **entry: object) -> None:
        self.log.write(json.dumps(entry) + "\n")

    def command(self, line: bytes) -> None:
        """Change what is sent from now on; no line is the end."""
        if not line:
            self.is_over = True
            self.going.set()
            return
        asked = json.loads(line)
        if "paused" in asked:
            (self.going.clear if asked["paused"] else self.going.set)()
        else:
            self.shares = asked


def judge(question: Question, status: int, body: bytes) -> tuple[str, str]:
    """Outcome and reason: good, wrong or failed; refused or odd where a refusal is right.

    A refusal of the gateway while it is there to answer is `failed` for a good request, as is
    everything else that is not a 200.
    """
    if not question.is_good:
        said = body[:200].decode(errors="replace")
        return ("refused", "") if status in question.statuses else ("odd", f"{status} {said}")
    if status != 200:
        return "failed", f"{status} {body[:200].decode(errors='replace')}"
    complaint = question.complaint(status, body)
    return ("wrong", complaint) if complaint else ("good", "")


async def run(load: Load, clients: int) -> None:
    """Until the input ends and every client has its last answer."""
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    load.key = (await commands.readline()).decode().strip()
    load.going.set()
    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(load.client(number))
        while not load.is_over:
            load.command(await commands.readline())


def main() -> None:
    """Read the arguments and go."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--repository", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    where = urlsplit(given.url)
    questions = questions_of(given.repository)
    with given.log.open("w", buffering=1) as log:
        load = Load(str(where.hostname), int(where.port or 80), "", questions, log, given.seed)
        asyncio.run(run(load, given.clients))


if __name__ == "__main__":
    main()
