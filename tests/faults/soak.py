"""`make soak`: a long stretch of mixed traffic with random faults; nothing may grow or be wrong.

    python -m tests.faults.soak --minutes 30 [--seed 7] [--write-table]

Two Tritons, two gateway workers, Redis. Of the traffic 2 % are poisoned images and 0.5 % more than
the gateway takes. The seed decides which faults come, and when; it is printed.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.faults import table
from tests.faults.calibration import slowness
from tests.faults.fault import Fault, Rig, run_fault, wait_until_calm
from tests.faults.faults_of_input import BROKEN_RELEASE, HALF_UPLOADS, KILLED_DECODER, KILLING_TEXT
from tests.faults.faults_of_servers import (
    GATEWAY_KILLED,
    GATEWAY_RESTART,
    ROLLING_RESTART,
    SERVER_FAULTS,
    SUPERVISOR_FAULTS,
)
from tests.faults.faults_of_stores import REDIS_FAULTS
from tests.faults.faults_of_stubs import DEAD_STUBS, HUNG_STUBS
from tests.faults.leaks import holdings
from tests.faults.load_process import Counts
from tests.faults.rig_keeper import RigKeeper
from tests.faults.soak_memory import Sample, trends
from tests.real_redis import running_redis

FAULTS: Final = (
    *DEAD_STUBS,
    *HUNG_STUBS,
    *SERVER_FAULTS,
    *SUPERVISOR_FAULTS,
    ROLLING_RESTART,
    GATEWAY_RESTART,
    GATEWAY_KILLED,
    KILLED_DECODER,
    KILLING_TEXT,
    HALF_UPLOADS,
    BROKEN_RELEASE,
    *REDIS_FAULTS,
)
_SHARES: Final = {"poison": 0.02, "oversized": 0.005}
_PAUSE_SECONDS: Final = (4.0, 20.0)
_WARM_UP_SHARE: Final = 0.2
_SAMPLES_IN_A_PAUSE: Final = 2


@dataclass
class Soak:
    """What came of it so far."""

    rig: Rig
    rng: random.Random
    started: float = field(default_factory=time.monotonic)
    counts: list[Counts] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    faults: int = 0

    def ordinary(self, seconds: float) -> None:
        """No fault for a while: not one good request may fail."""
        wait_until_calm(self.rig)
        self._keep(self.rig.load.take(), "before the calm", None)
        for _ in range(_SAMPLES_IN_A_PAUSE):
            time.sleep(seconds / _SAMPLES_IN_A_PAUSE)
            now = time.monotonic() - self.started
            self.samples.append(Sample.of(now, holdings(self.rig.stack)))
        self._keep(self.rig.load.take(), "between two faults", 0)

    def hurt(self, fault: Fault) -> None:
        """One fault."""
        slow = slowness()
        outcome = run_fault(self.rig, fault)
        self.faults += 1
        self.counts.append(outcome.counts)
        found = outcome.complaints(fault, slow)
        self.complaints += [f"{fault.name}: {complaint}" for complaint in found]
        failed, seconds = outcome.counts.failed, outcome.seconds
        say(f"{self.minutes:5.1f} min  {fault.name}: {failed} failed, {seconds:.1f} s {found}")

    def _keep(self, counts: Counts, when: str, may_fail: int | None) -> None:
        self.counts.append(counts)
        is_bad = counts.wrong or counts.odd or (may_fail is not None and counts.failed > may_fail)
        if is_bad:
            self.complaints += [f"{when}: {complaint}" for complaint in counts.complaints]

    @property
    def minutes(self) -> float:
        """Since the start."""
        return (time.monotonic() - self.started) / 60

    def go(self, minutes: float) -> None:
        """Until the time is over."""
        self.rig.load.shares(**_SHARES)
        while self.minutes < minutes:
            self.ordinary(self.rng.uniform(*_PAUSE_SECONDS))
            self.hurt(self.rng.choice(FAULTS))
        self.ordinary(_PAUSE_SECONDS[0])

    def summary(self, seed: int, left: list[str]) -> dict[str, object]:
        """What goes into docs/reliability.md; also judges memory."""
        found = trends(self.samples, self.minutes * 60 * _WARM_UP_SHARE)
        self.complaints += [f"{it.what} grows: {it}" for it in found if not it.is_flat]
        self.complaints += [f"left at the end: {it}" for it in left]
        return {
            "date, commit": f"{table.today()}, {table.commit()}",
            "minutes, seed": f"{self.minutes:.1f}, {seed}",
            "faults": self.faults,
            "requests": sum(it.requests for it in self.counts),
            "good requests that failed": sum(it.failed for it in self.counts),
            "wrong answers": sum(it.wrong for it in self.counts),
            "poisoned and oversized ones refused": sum(it.refused for it in self.counts),
            "of those, answered with a 5xx or not at all": sum(it.odd for it in self.counts),
            "slowest good answer, s": max(it.slowest_seconds for it in self.counts),
            **{f"memory of {it.what}, early and late": str(it) for it in found},
            "left after a quiet moment": ", ".join(left) or "nothing",
            "verdict": "; ".join(self.complaints[:5]) or "as it should be",
        }


def say(line: str) -> None:
    """For whoever watches."""
    print(line, flush=True)  # noqa: T201 - a command


def run(minutes: float, seed: int) -> tuple[dict[str, object], list[str]]:
    """Start a stack, soak it, end it."""
    with tempfile.TemporaryDirectory() as folder, running_redis() as redis:
        keeper = RigKeeper(
            Path(folder),
            "--no-ui",
            "--gateway-workers",
            "2",
            tritons=2,
            environment=lambda: {"GATEWAY_REDIS_URL": redis.url},
            extras={"redis": redis},
        )
        try:
            soak = Soak(keeper.rig(), random.Random(seed))  # noqa: S311 - chance, not a secret
            soak.go(minutes)
            left = keeper.give_back()
            return soak.summary(seed, left), soak.complaints
        finally:
            keeper.close()


def main() -> None:
    """Read the arguments, soak, tell; exit code 1 when something was not as it should be."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    parser.add_argument("--write-table", action="store_true")
    given = parser.parse_args()
    say(f"soak of {given.minutes} minutes with seed {given.seed}")
    summary, complaints = run(given.minutes, given.seed)
    for name, value in summary.items():
        say(f"  {name}: {value}")
    if given.write_table:
        table.record_soak(summary)
    for complaint in complaints:
        say(f"NOT AS IT SHOULD BE: {complaint}")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
