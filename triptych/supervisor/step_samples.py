"""An hour of samples: what each step of each live release did in each interval of five seconds."""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from python_backends.shared.contract import STEP_NAMES
from triptych.client.triton import ModelCounts, TritonConnection
from triptych.errors import CallFailed
from triptych.routing import ReleaseName
from triptych.supervisor.status import utc_now

logger = logging.getLogger(__name__)

INTERVAL_SECONDS: Final = 5.0
KEPT_SECONDS: Final = 3600
FIELDS: Final = ("requests", "items", "executions", "queue_ms", "compute_ms", "failures")
_TIMEOUT_SECONDS: Final = 2.0


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
        self._samples: deque[bytes] = deque(maxlen=int(KEPT_SECONDS / interval_seconds))
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
        rows = {
            model: _difference(self._before[model], now)
            for model, now in seen.items()
            if model in self._before
        }
        self._before = seen
        if rows:
            # Kept as what will be told: an hour of fifty releases would take seconds to write.
            self._samples.append(_compact({"time": utc_now(), "models": rows}))

    def to_json(self, seconds: float = KEPT_SECONDS) -> bytes:
        """The samples of the last seconds, oldest first, as one JSON object."""
        wanted = max(1, round(seconds / self.interval_seconds))
        head = _compact({"interval_seconds": self.interval_seconds, "fields": FIELDS})
        samples = b",".join(list(self._samples)[-wanted:])
        return head.removesuffix(b"}") + b',"samples":[' + samples + b"]}"


def _compact(value: dict[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _difference(before: ModelCounts, now: ModelCounts) -> tuple[float, ...]:
    if now.requests < before.requests or now.failures < before.failures:
        before = ModelCounts()  # loaded anew, or in a server that was started anew
    return (
        now.requests - before.requests,
        now.items - before.items,
        now.executions - before.executions,
        round((now.queue_ns - before.queue_ns) / 1e6, 3),
        round((now.compute_ns - before.compute_ns) / 1e6, 3),
        now.failures - before.failures,
    )
