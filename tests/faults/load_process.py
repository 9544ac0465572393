"""The load generator as the suite holds it: start, steer, read what came of each request."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PROJECT: Final = Path(__file__).resolve().parents[2]
_END_SECONDS: Final = 40.0


@dataclass(frozen=True)
class Counts:
    """What came of the requests of one stretch of time.

    Attributes:
        requests: All of them.
        good: Good requests with the right answer.
        failed: Good requests with any other status than 200, or with no answer.
        wrong: A 200 that says something else than the known answer.
        refused: Poisoned or oversized requests that were refused as they should be.
        odd: Poisoned or oversized requests that got a 5xx or no answer.
        slowest_seconds: Of the good ones that were answered.
        complaints: The first reasons of those that failed, were wrong or odd.
    """

    requests: int
    good: int
    failed: int
    wrong: int
    refused: int
    odd: int
    slowest_seconds: float
    complaints: tuple[str, ...]

    @classmethod
    def of(cls, entries: list[dict[str, Any]]) -> Counts:
        """Count what is over."""
        by_outcome = {
            outcome: [entry for entry in entries if entry["outcome"] == outcome]
            for outcome in ("good", "failed", "wrong", "refused", "odd")
        }
        bad = [*by_outcome["wrong"], *by_outcome["odd"], *by_outcome["failed"]]
        return cls(
            requests=len(entries),
            **{outcome: len(found) for outcome, found in by_outcome.items()},
            slowest_seconds=max((entry["seconds"] for entry in by_outcome["good"]), default=0.0),
            complaints=tuple(
                f"{entry['outcome']} {entry['kind']} {entry['i']} after {entry['seconds']:.2f} s: "
                f"{entry['why']}"
                for entry in bad[:8]
            ),
        )


class LoadProcess:
    """One running generator."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log.open()
        self._sent: dict[str, float] = {}
        self._over: list[dict[str, Any]] = []
        self._rest = ""

    def shares(self, **shares: float) -> None:
        """From now on, which share of the requests is poisoned or oversized."""
        self._say(shares)

    def pause(self, *, paused: bool) -> None:
        """Send nothing more, or go on; what is sent gets its answer."""
        self._say({"paused": paused})

    def _say(self, command: object) -> None:
        assert self._process.poll() is None, "the load generator has ended"
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        self._process.stdin.flush()

    def answered(self) -> int:
        """How many requests got a right answer since the last `take`."""
        self._read()
        return sum(entry["outcome"] == "good" for entry in self._over)

    def over(self) -> int:
        """How many requests are over since the last `take`, whatever came of them."""
        self._read()
        return len(self._over)

    def wait_for_answers(self, count: int, seconds: float = 20.0) -> None:
        """Wait until so many more requests got their right answer.

        Raises:
            AssertionError: they did not.
        """
        wanted = self.answered() + count
        deadline = time.monotonic() + seconds
        while self.answered() < wanted:
            assert self._process.poll() is None, "the load generator has ended"
            assert time.monotonic() < deadline, f"no {count} good answers in {seconds} s"
            time.sleep(0.02)

    def take(self, seconds: float = 35.0) -> Counts:
        """Wait until everything that was sent before now is over, and count since the last take.

        Raises:
            AssertionError: something sent never ended.
        """
        now = time.monotonic()
        self._read()
        while any(sent <= now for sent in self._sent.values()):
            assert time.monotonic() < now + seconds, f"never over: {list(self._sent)}"
            time.sleep(0.02)
            self._read()
        taken, self._over = self._over, []
        return Counts.of(taken)

    def _read(self) -> None:
        self._rest += self._log.read()
        *lines, self._rest = self._rest.split("\n")
        for entry in map(json.loads, lines):
            if "outcome" in entry:
                self._sent.pop(entry["i"], None)
                self._over.append(entry)
            else:
                self._sent[entry["i"]] = entry["t"]

    def end(self) -> None:
        """Let every client have its last answer."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_END_SECONDS)
        finally:
            self._process.kill()
            self._process.wait()
            self._log.close()


@contextmanager
def running_load(
    url: str, key: str, repository: Path, log: Path, *, clients: int = 8, seed: int = 0
) -> Iterator[LoadProcess]:
    """Send load until the end of the block; more clients than cores is the point."""
    arguments = ["--url", url, "--repository", repository, "--log", log]
    numbers = ["--clients", clients, "--seed", seed]
    log.touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.load", *map(str, [*arguments, *numbers])],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(f"{key}\n".encode())
    process.stdin.flush()
    load = LoadProcess(process, log)
    try:
        yield load
    finally:
        load.end()
