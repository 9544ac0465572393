"""An hour of samples: what each step and each process did in each interval of five seconds."""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from python_backends.shared.contract import STEP_NAMES
from triptych.client.triton import ModelCounts, TritonConnection
from triptych.errors import CallFailed
from triptych.routing import ReleaseName
from triptych.supervisor.gpu_usage import GPU_FIELDS, GpuRows
from triptych.supervisor.process_usage import PROCESS_FIELDS, ProcessUsage
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
        connect: Makes the connection that `watch` uses, and another one after each gap.
        live_releases: Names of the releases that are served now.
        interval_seconds: Pause between two looks.
        processes: Of this supervisor and its Triton; None tells of none.
        gpus: Tells of those that Triton uses.
    """

    def __init__(
        self,
        connect: Callable[[], TritonConnection],
        live_releases: Callable[[], Sequence[str]],
        interval_seconds: float = INTERVAL_SECONDS,
        *,
        processes: ProcessUsage | None = None,
        gpus: Callable[[], GpuRows] = dict,
    ) -> None:
        self._connect = connect
        self._live_releases = live_releases
        self.interval_seconds = interval_seconds
        self._processes = processes
        self._gpus = gpus
        self._before: dict[str, ModelCounts] = {}
        self._samples: deque[_Sample] = deque(maxlen=int(KEPT_SECONDS / interval_seconds))
        self._stopping = threading.Event()

    def watch(self) -> None:
        """Take a sample per interval until `stop`; a Triton that is away leaves a gap."""
        while not self._stopping.wait(self.interval_seconds):
            try:
                with self._connect() as connection:
                    self._watch_by(connection)
            except OSError as exc:
                logger.warning("no samples of Triton: %s", exc)

    def _watch_by(self, connection: TritonConnection) -> None:
        """Until it fails: a Triton that is started anew may have other certificates."""
        while self.look(connection) and not self._stopping.wait(self.interval_seconds):
            pass

    def stop(self) -> None:
        """End `watch` soon."""
        self._stopping.set()

    def look(self, connection: TritonConnection) -> bool:
        """Take one sample; a model that is seen for the first time is in the next one.

        Returns:
            Whether Triton answered.
        """
        sample: dict[str, object] = {}
        models = self._look_at_models(connection)
        if models:
            sample["models"] = models
        if self._processes:
            sample["processes"] = self._processes.look()
        if gpus := self._gpus():
            sample["gpus"] = gpus
        if sample:
            time = utc_now()
            # Kept as what will be told: an hour of fifty releases would take seconds to write.
            self._keep(_Sample(time, _compact({"time": time, "models": {}, **sample})))
        return models is not None

    def _keep(self, sample: _Sample) -> None:
        # The clock was set back: who asks for what is new would get nothing until it is that late.
        while self._samples and self._samples[-1].time > sample.time:
            self._samples.pop()
        self._samples.append(sample)

    def _look_at_models(self, connection: TritonConnection) -> dict[str, tuple[float, ...]] | None:
        """By model; None where Triton does not answer."""
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
            return None
        seen = {model: counts[model] for model in models if model in counts}
        rows = {
            model: _difference(self._before[model], now)
            for model, now in seen.items()
            if model in self._before
        }
        self._before = seen
        return rows

    def to_json(self, seconds: float = KEPT_SECONDS, since: str = "") -> bytes:
        """The samples of the last seconds, oldest first, as one JSON object.

        Args:
            seconds: How far back.
            since: The `time` of a sample: only later ones.
        """
        wanted = max(1, round(seconds / self.interval_seconds))
        head = _compact(
            {
                "interval_seconds": self.interval_seconds,
                "fields": FIELDS,
                "process_fields": PROCESS_FIELDS,
                "gpu_fields": GPU_FIELDS,
            }
        )
        # All times are written alike, so that text order is their order.
        samples = b",".join(it.told for it in list(self._samples)[-wanted:] if it.time > since)
        return head.removesuffix(b"}") + b',"samples":[' + samples + b"]}"


class _Sample(NamedTuple):
    """One sample, written out."""

    time: str
    told: bytes


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
