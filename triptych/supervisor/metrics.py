"""What the supervisor counts, for Prometheus; a registry of its own, nothing of the process."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from triptych.stack.shared_memory import SharedMemoryUse
from triptych.supervisor.status import Phase, PlanPhase

_PREFIX: Final = "triptych_supervisor"
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)


class SupervisorMetrics:
    """All metrics of one supervisor.

    Args:
        shared_memory: Looks at /dev/shm, at each scrape.
    """

    def __init__(self, shared_memory: Callable[[], SharedMemoryUse] | None = None) -> None:
        self._look_at_shared_memory = shared_memory
        own = self._registry = CollectorRegistry()
        self._ready = Gauge(f"{_PREFIX}_ready", "1 while all is proven", registry=own)
        self._release_ready = Gauge(
            f"{_PREFIX}_release_ready", "1 while it is proven", ["release"], registry=own
        )
        self._canary = Histogram(
            f"{_PREFIX}_canary_seconds", "Canaries", ["release"], buckets=_BUCKETS, registry=own
        )
        self._heals = Counter(
            f"{_PREFIX}_heals", "What was put right", ["release", "cause"], registry=own
        )
        self._stub_deaths = Counter(
            f"{_PREFIX}_stub_deaths", "Also of hung stubs", ["release", "step"], registry=own
        )
        self._starts = Counter(f"{_PREFIX}_triton_starts", "Starts of tritonserver", registry=own)
        self._phase = Gauge(f"{_PREFIX}_phase", "1 for the present one", ["phase"], registry=own)
        self._plan = Gauge(
            f"{_PREFIX}_plan", "1 for the present phase", ["release", "phase"], registry=own
        )
        self._shm = {
            name: Gauge(f"{_PREFIX}_shm_{name}_bytes", help_text, registry=own)
            for name, help_text in (
                ("regions", "What this Triton's regions in /dev/shm take"),
                ("free", "What is free in /dev/shm"),
                ("size", "How large /dev/shm is"),
            )
        }
        self.set_phase(Phase.STARTING)

    def set_phase(self, phase: Phase) -> None:
        """What the supervisor does with its server as a whole."""
        for it in Phase:
            self._phase.labels(it).set(it is phase)

    def set_ready(self, is_ready: bool, releases: Iterable[tuple[str, bool]]) -> None:
        """Whether all is proven, and each release."""
        self._ready.set(is_ready)
        for name, is_proven in releases:
            self._release_ready.labels(name).set(is_proven)

    def forget_release(self, release: str) -> None:
        """It is not served any more; what was counted stays."""
        self._release_ready.remove(release)

    def set_plan(self, release: str, phase: PlanPhase | None) -> None:
        """Where its TensorRT plan stands; None where it is to have none."""
        for it in PlanPhase:
            if phase is None:
                self._plan.remove(release, it)
            else:
                self._plan.labels(release, it).set(it is phase)

    def note_canary(self, release: str, seconds: float) -> None:
        """One canary inference, however it ended."""
        self._canary.labels(release).observe(seconds)

    def note_heal(self, release: str | None, cause: str) -> None:
        """Something is well again; without a release it was the server as a whole."""
        self._heals.labels(release or "", cause).inc()

    def note_stub_death(self, release: str, step: str) -> None:
        """A stub died, or hung and was killed."""
        self._stub_deaths.labels(release, step).inc()

    def note_start(self) -> None:
        """Tritonserver was started."""
        self._starts.inc()

    def exposition(self) -> bytes:
        """The text that Prometheus reads."""
        if self._look_at_shared_memory:
            for name, value in self._look_at_shared_memory()._asdict().items():
                self._shm[name].set(value)
        return generate_latest(self._registry)
