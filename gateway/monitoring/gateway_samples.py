"""A sample per five seconds of what this worker did, and the last hour's of all workers."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gateway.data_plane.admission.admission import Admission
from gateway.monitoring.sample_shelf import (
    INTERVAL_SECONDS,
    SampleShelf,
    time_of,
    time_text,
)
from gateway.monitoring.traffic import TrafficCounts
from gateway.rollouts.latency_sketch import GAMMA

# So much later every worker has put its sample of an interval there.
_GRACE_SECONDS: Final = 1.0
logger = logging.getLogger(__name__)

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_STATM: Final = Path("/proc/self/statm")


class GatewaySamples:
    """Counts in intervals of the wall clock, so that samples of several workers add up.

    Args:
        traffic: Counts meanwhile.
        admission: Knows who waits now.
        shelf: Where samples lie.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        traffic: TrafficCounts,
        admission: Admission,
        shelf: SampleShelf,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._traffic = traffic
        self._admission = admission
        self._shelf = shelf
        self._clock = clock
        self._cpu_seconds = time.process_time()

    async def run(self) -> None:
        """Take a sample at the end of each interval, until cancelled."""
        while True:
            # A timer may ring a little early; that must not make a second sample of the interval.
            began = (self._clock() + 1.0) // INTERVAL_SECONDS * INTERVAL_SECONDS
            ends = began + INTERVAL_SECONDS
            try:
                await asyncio.sleep(ends - self._clock())
            finally:  # also when all ends: what was counted until then
                self._look_or_log(ends)

    def _look_or_log(self, ends: float) -> None:
        try:
            self.look(ends)
        except OSError:  # a full disk must not end what is done again and again
            logger.exception("a sample of the gateway's traffic is lost")

    def look(self, ended: float) -> None:
        """Take a sample of the interval that ended then."""
        cpu_seconds = time.process_time()
        lines = self._admission.lines().items()
        sample = {
            "time": time_text(ended),
            "worker": os.getpid(),
            "cpu_seconds": round(cpu_seconds - self._cpu_seconds, 3),
            "rss_bytes": int(_STATM.read_text().split()[1]) * _PAGE_BYTES,
            "waiting": {name: line.waiting for name, line in lines if line.waiting},
            "in_flight": {name: line.in_flight for name, line in lines if line.in_flight},
            "traffic": self._traffic.take(),
        }
        self._cpu_seconds = cpu_seconds
        self._shelf.put(json.dumps(sample, separators=(",", ":")).encode())

    async def to_json(self, *, seconds: int, since: str = "") -> bytes:
        """The samples of all workers as one JSON object, oldest first; see `GatewaySampleList`.

        Args:
            seconds: How far back.
            since: The `time` of a sample: only later ones.
        """
        now = self._clock()
        earliest = max(time_text(now - seconds), since)
        told = await asyncio.to_thread(self._shelf.since, earliest)
        latest = time_text(now - _GRACE_SECONDS)
        samples = b",".join(it for it in told if time_of(it) <= latest)
        head = json.dumps({"interval_seconds": INTERVAL_SECONDS, "bucket_ratio": GAMMA})
        return head.removesuffix("}").encode() + b',"samples":[' + samples + b"]}"
