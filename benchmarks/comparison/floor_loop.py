"""The loop of a floor process: it is told how many seconds to work, and tells what it did."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

# Does the work of this number (they repeat), and says how many pictures that was.
Step = Callable[[int], int]

_WARM_STEPS = 3


def answer(step: Step) -> None:
    """Say "ready", then work as long as each line of the input says, and write what came of it."""
    for number in range(_WARM_STEPS):
        step(number)
    print("ready", flush=True)  # noqa: T201 - the protocol
    for line in sys.stdin:
        print(json.dumps(work(step, float(line))), flush=True)  # noqa: T201 - as above


def work(step: Step, seconds: float) -> dict[str, object]:
    """Take one step after the other."""
    times: list[float] = []
    images = 0
    started, cpu_before = time.perf_counter(), time.process_time()
    before = started
    while before < started + seconds:
        images += step(len(times))
        now = time.perf_counter()
        times.append((now - before) * 1000)
        before = now
    return {
        "times_ms": times,
        "images": images,
        "seconds": before - started,
        "cpu_seconds": time.process_time() - cpu_before,
    }
