"""An hour of samples: what each step of each live release did in each interval of five seconds."""

from __future__ import annotations

import logging
import threading
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from python_backends.shared.contract import STEP_NAMES
from triptych.client.triton import ModelCounts, TritonConnection
from triptych.errors import CallFailed
from triptych.routing import ReleaseName
from triptych.stack.supervisor_status import utc_now

logger = logging.getLogger(__name__)

INTERVAL_SECONDS: Final = 5.0
KEPT_SECONDS: Final = 3600
FIELDS: Final = ("requests", "items", "executions", "queue_ms", "compute_ms", "failures")
_TIMEOUT_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class _Sample:
    """One interval; the numbers of all models in one array, because there are 720 of these."""

    time: str
    models: tuple[str, ...]
    numbers: array[float]

    def to_json(self) -> dict[str, object]:
        width = len(FIELDS)
        rows = {
            model: [round(number, 3) for number in self.numbers[at * width : (at + 1) * width]]
            for at, model in enumerate(self.models)
        }
        return {"time": self.time, "models": rows}


class StepSamples:
    """Reads Triton's statistics now and then and keeps the differences.

    Triton counts canaries like everybody else's requests.

    Args:
        connect: Makes the connection that `watch` uses.
        live_releases: Names of the releases that are served now.
        interval_seconds: Pause between two looks.
    """

    def __init__(
        self,
        connect: Callable[[], TritonConnection],
        live_releases: Callable[[], Sequence[str]],
        interval_seconds: float = INTERVAL_SECONDS,
    ) -> None:
        self._connect = connect
        self._live_releases = live_releases
        self.interval_seconds = interval_seconds
        self._before: dict[str, ModelCounts] = {}
        self._samples: deque[_Sample] = deque(maxlen=int(KEPT_SECONDS / interval_seconds))
        self._stopping = threading.Event()

    def watch(self) -> None:
        """Take a sample per interval until `stop`; a Triton that is away leaves a gap."""
        with self._connect() as connection:
            while not self._stopping.wait(self.interval_seconds):
                self.look(connection)

    def stop(self) -> None:
        """End `watch` soon."""
        self._stopping.set()

    def look(self, connection: TritonConnection) -> None:
        """Take one sample; a model that is seen for the first time is in the next one."""
        models = [
            name.step(step)
            for name in map(ReleaseName.parse, self._live_releases())
            if name
            for step in STEP_NAMES
        ]
        try:
            counts = connection.statistics(_TIMEOUT_SECONDS)
        except CallFailed as exc:
            logger.debug("no sample: %s", exc)
            return
        seen = {model: counts[model] for model in models if model in counts}
        known = tuple(model for model in seen if model in self._before)
        numbers = array("d")
        for model in known:
            numbers.extend(_difference(self._before[model], seen[model]))
        self._before = seen
        if known:
            # One tuple of names for all samples between which no release came or went.
            last = self._samples[-1].models if self._samples else ()
            self._samples.append(_Sample(utc_now(), last if last == known else known, numbers))

    def to_json(self, seconds: float = KEPT_SECONDS) -> dict[str, object]:
        """The samples of the last seconds, oldest first."""
        wanted = max(1, round(seconds / self.interval_seconds))
        return {
            "interval_seconds": self.interval_seconds,
            "fields": list(FIELDS),
            "samples": [sample.to_json() for sample in list(self._samples)[-wanted:]],
        }


def _difference(before: ModelCounts, now: ModelCounts) -> tuple[float, ...]:
    if now.requests < before.requests or now.failures < before.failures:
        before = ModelCounts()  # loaded anew, or in a server that was started anew
    return (
        now.requests - before.requests,
        now.items - before.items,
        now.executions - before.executions,
        (now.queue_ns - before.queue_ns) / 1e6,
        (now.compute_ns - before.compute_ns) / 1e6,
        now.failures - before.failures,
    )
