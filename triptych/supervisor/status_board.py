"""What /status says, and who may change it: every watcher and actor writes here, under one lock."""

from __future__ import annotations

import logging
import secrets
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from triptych.release import Release
from triptych.supervisor.canary import CanaryResult
from triptych.supervisor.metrics import SupervisorMetrics
from triptych.supervisor.status import (
    Heal,
    Phase,
    PlanStatus,
    ReleaseState,
    ReleaseStatus,
    SupervisorStatus,
    TritonStatus,
    utc_now,
)

logger = logging.getLogger(__name__)

_HEALS_KEPT: Final = 50
_PROVABLE: Final = frozenset({ReleaseState.READY, ReleaseState.FAILING})


class StatusBoard:
    """The state of the server and of each release of the desired set."""

    def __init__(self, metrics: SupervisorMetrics) -> None:
        self._metrics = metrics
        self._lock = threading.Lock()
        self._instance = secrets.token_hex(8)
        self._phase = Phase.STARTING
        self._phase_reason: str | None = "Triton is starting"
        self._starts = 0
        self._restart_wanted: str | None = None
        self._heals: deque[Heal] = deque(maxlen=_HEALS_KEPT)
        self._releases: dict[str, ReleaseStatus] = {}
        self._excused: set[str] = set()  # loaded by hand once, and impossible to load now
        self._epochs: dict[str, int] = {}  # grows when what an older canary says is out of date
        self._ready, self._since = False, utc_now()
        self._reason: str | None = self._phase_reason

    def snapshot(self, triton: TritonStatus) -> SupervisorStatus:
        """A consistent picture of this moment."""
        with self._lock:
            return SupervisorStatus(
                ready=self._ready,
                since=self._since,
                reason=self._reason,
                triton=triton,
                releases=dict(self._releases),
                instance=self._instance,
                phase=self._phase,
                starts=self._starts,
                restart_wanted=self._restart_wanted,
                heals=tuple(self._heals),
            )

    def phase(self) -> Phase:
        """The present one."""
        with self._lock:
            return self._phase

    def set_phase(self, phase: Phase, reason: str | None = None) -> None:
        """Move on; the reason is what `ready: false` then gives."""
        with self._lock:
            self._phase, self._phase_reason = phase, reason
            self._metrics.set_phase(phase)
            self._judge()
        logger.info("phase=%s %s", phase, reason or "")

    def note_start(self) -> None:
        """Tritonserver was started; what the one before did is over."""
        with self._lock:
            self._starts += 1
            self._restart_wanted = None
            self._metrics.note_start()

    def want_restart(self, sentence: str) -> None:
        """Say why a restart at a quiet moment would do good."""
        with self._lock:
            self._restart_wanted = sentence

    def wants_restart_now(self) -> bool:
        """Whether anybody said so since the last start, and nothing more urgent is the matter."""
        with self._lock:
            return self._restart_wanted is not None and self._ready

    def has_leaks(self) -> bool:
        """Whether this server has had dead stubs."""
        with self._lock:
            return self._restart_wanted is not None

    def is_provable(self, name: str) -> bool:
        """Whether a canary would say anything: it is loaded, and no heal is under way."""
        with self._lock:
            it = self._releases.get(name)
            return it is not None and name not in self._excused and it.state in _PROVABLE

    def show(self, name: str, status: ReleaseStatus) -> None:
        """Add a release."""
        with self._lock:
            self._releases[name] = status
            self._excused.discard(name)
            self._judge()

    def remove(self, name: str) -> ReleaseStatus | None:
        """Take a release away; what canaries that are on their way say is out of date."""
        with self._lock:
            self._epochs[name] = self._epochs.get(name, 0) + 1
            self._excused.discard(name)
            before = self._releases.pop(name, None)
            if before is not None:
                self._metrics.forget_release(name)
                if before.plan is not None:
                    self._metrics.set_plan(name, None)
            self._judge()
            return before

    def note_device(self, name: str, device: str) -> None:
        """It is loaded, and this is where its model runs."""
        with self._lock:
            if name in self._releases:
                self._releases[name] = replace(self._releases[name], device=device)

    def note_engine(self, name: str, engine: str, device: str) -> None:
        """It was switched to another engine."""
        with self._lock:
            if name in self._releases:
                self._releases[name] = replace(self._releases[name], engine=engine, device=device)

    def note_plan(self, name: str, plan: PlanStatus | None) -> None:
        """What has become of its TensorRT plan."""
        with self._lock:
            before = self._releases.get(name)
            if before is not None and before.plan != plan:
                self._releases[name] = replace(before, plan=plan)
                self._metrics.set_plan(name, plan.phase if plan else None)

    def state_of(self, name: str) -> ReleaseState | None:
        """Where a release stands; None where it is not there, or was excused."""
        with self._lock:
            it = self._releases.get(name)
            return it.state if it is not None and name not in self._excused else None

    def excuse(self, name: str, reason: str) -> None:
        """One that was loaded by hand cannot be any more: told, but no reason to be unready."""
        with self._lock:
            self._excused.add(name)
            self._move(name, ReleaseState.FAILING, reason)

    def is_excused(self, name: str) -> bool:
        """Whether it was loaded by hand and cannot be any more."""
        with self._lock:
            return name in self._excused

    def loaded(self) -> set[str]:
        """Those that Triton has in its memory."""
        with self._lock:
            return {
                name
                for name, it in self._releases.items()
                if name not in self._excused and it.state is not ReleaseState.LOADING
            }

    def move(self, names: Iterable[str], state: ReleaseState, reason: str | None = None) -> None:
        """Bring releases into a state; what canaries that are on their way say is out of date."""
        with self._lock:
            for name in names:
                self._move(name, state, reason)

    def _move(self, name: str, state: ReleaseState, reason: str | None) -> None:
        if name in self._releases:
            self._epochs[name] = self._epochs.get(name, 0) + 1
            self._releases[name] = self._releases[name].moved_to(state, reason)
            self._judge()

    def note_death(self, name: str, step: str, reason: str) -> bool:
        """A stub died or was killed because it hung; whether it belongs to the desired set."""
        with self._lock:
            before = self._releases.get(name)
            if before is None:
                return False
            self._releases[name] = replace(before, stub_deaths=before.stub_deaths + 1)
            self._metrics.note_stub_death(name, step)
            self._move(name, ReleaseState.HEALING, reason)
            return True

    def note_heal(self, name: str | None, cause: str, seconds: float) -> None:
        """Something is well again; `note_proof` has already said so of the release itself."""
        heal = Heal(utc_now(), cause, name, round(seconds, 3))
        with self._lock:
            self._heals.append(heal)
            self._metrics.note_heal(name, cause)
            if name in self._releases:
                before = self._releases[name]
                self._releases[name] = replace(before, heals=before.heals + 1, last_heal=heal)
        logger.info("healed %s in %.2f s: %s", name or "Triton", seconds, cause)

    def epoch(self, name: str) -> int:
        """To be taken before a canary is sent, and given back with what it says."""
        with self._lock:
            return self._epochs.get(name, 0)

    def note_canary(self, name: str, result: CanaryResult, epoch: int | None = None) -> bool:
        """What a canary said; whether that still counts."""
        with self._lock:
            before = self._releases.get(name)
            if before is None or epoch not in {None, self._epochs.get(name, 0)}:
                return False
            after = before.moved_to(
                ReleaseState.FAILING if result.reason else ReleaseState.READY, result.reason
            )
            self._releases[name] = replace(
                after, last_canary=utc_now(), canary_ms=round(result.duration_ms, 2)
            )
            if not result.reason:
                self._excused.discard(name)
            self._judge()
        if after.state is not before.state:
            logger.info("release %s is %s %s", name, after.state, result.reason or "")
        return True

    def note_doubt(self, name: str, reason: str, epoch: int) -> None:
        """A canary could not be sent, or not be answered in time by a busy one: nothing to heal."""
        with self._lock:
            before = self._releases.get(name)
            if before is None:
                return
            if epoch == self._epochs.get(name, 0) and before.state is ReleaseState.READY:
                self._releases[name] = before.moved_to(ReleaseState.READY, reason)

    def _judge(self) -> None:
        """Say whether all is proven; the lock is held."""
        failing = [
            f"{name}: {it.reason or it.state}"
            for name, it in self._releases.items()
            if it.state is not ReleaseState.READY and name not in self._excused
        ]
        reason = self._phase_reason or (failing[0] if failing else None)
        is_ready = self._phase is Phase.SERVING and not failing
        self._reason = None if is_ready else reason or str(self._phase)
        if is_ready is not self._ready:
            self._ready, self._since = is_ready, utc_now()
            logger.info("ready=%s %s", is_ready, self._reason or "")
        states = [(name, it.state is ReleaseState.READY) for name, it in self._releases.items()]
        self._metrics.set_ready(is_ready, states)


def first_status(release: Release) -> ReleaseStatus:
    """A release before anything was heard of it."""
    return ReleaseStatus(
        alias=release.name.alias,
        number=release.name.number,
        task=release.task,
        promotable=release.promotable,
        max_batch_size=release.max_batch_size,
        top_k=release.top_k,
        fingerprint=release.fingerprint,
        semver=release.certificate.semver,
        model_sha256=release.model_sha256(),
        engine=release.engine,
    )
