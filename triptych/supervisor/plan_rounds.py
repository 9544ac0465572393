"""Gives releases their TensorRT plans, in the background: build, try, switch, one at a time.

Until a plan has proven itself ONNX serves; whatever goes wrong with one, ONNX goes on serving.
docs/adr/0031 has the reasons.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from triptych.engines import ONNXRUNTIME, OPENVINO, TENSORRT
from triptych.errors import (
    CallFailed,
    LoadRefused,
    NotRunning,
    PlanRefused,
    PlanUnavailable,
)
from triptych.plans.builder import build_plan
from triptych.plans.plan_key import PlanKey, may_have_plan, plan_key
from triptych.plans.plan_store import Found, PlanStore
from triptych.plans.served_plan import link_plan
from triptych.plans.target import Target, find_target, has_backend
from triptych.plans.trtexec import BuildStopped
from triptych.release import Release
from triptych.supervisor.live_triton import LiveTriton
from triptych.supervisor.plan_trial import try_plan
from triptych.supervisor.release_changes import ReleaseChanges
from triptych.supervisor.served_set import ServedSet
from triptych.supervisor.server_cycle import ServerCycle
from triptych.supervisor.status import Phase, PlanPhase, PlanStatus, ReleaseState

logger = logging.getLogger(__name__)

# A server that ends so soon after a switch is taken to have ended because of it.
PROBATION_SECONDS: Final = 60.0
_ANSWERS: Final = frozenset({Phase.SERVING, Phase.DRAINING})


class PlanRounds:
    """One thread looks after all plans; `step_back` is the supervisor's.

    Args:
        served: What may have plans.
        changes: Switches releases.
        cycle: Knows whether a restart was asked for.
    """

    def __init__(self, served: ServedSet, changes: ReleaseChanges, cycle: ServerCycle) -> None:
        self._served, self._board, self._settings = served, served.board, served.settings
        self._changes, self._cycle = changes, cycle
        self._store = PlanStore(self._settings.plans_dir)
        self._who = self._settings.triton_suffix
        self._stopping = threading.Event()
        # Tried, or on its plan, since when: what ends Triton now is held against that plan.
        self._probation: dict[str, tuple[PlanKey, float]] = {}
        self._given_up: set[str] = set()  # of which something unforeseen was logged
        self._offered_onnx: set[str] = set()  # had their turn on ONNX Runtime

    def run(self) -> None:
        """Look after plans until `stop`, on a machine that can have any."""
        if not self._settings.plan_build_seconds:
            return
        try:
            target = find_target()
        except PlanUnavailable as exc:
            logger.info("no TensorRT plans here: %s", exc)
            return
        logger.info("TensorRT %s on %s", target.tensorrt, target.gpu)
        while not self._stopping.wait(self._settings.canary_interval_seconds):
            self._look(target)
        for name in tuple(self._probation):  # an orderly end is held against no plan
            self._end_probation(name)

    def stop(self) -> None:
        """End `run` soon; a build that is under way is given up, and nothing is held against it."""
        self._stopping.set()

    def step_back(self, *, has_failed: bool) -> None:
        """Have the next server start on ONNX; the plans have to prove themselves again.

        Args:
            has_failed: Whether the server before ended by itself, hung, or could not be healed.
        """
        for release in self._served.releases():
            name, is_on_plan = str(release.name), release.engine == TENSORRT
            key, _ = self._probation.get(name, (None, 0.0))
            if has_failed and key is not None:
                when = "within a minute of being switched to it" if is_on_plan else "over its trial"
                self._refuse(release, key, f"Triton failed {when}")
            elif is_on_plan:
                self._tell(release, PlanPhase.WAITING, key, "Triton starts, and begins on ONNX")
            self._end_probation(name)
            if is_on_plan:
                engine = ONNXRUNTIME if ONNXRUNTIME in release.engines else release.default_engine
                self._served.add(release.on_engine(engine))
                self._board.note_engine(name, engine, "cpu")

    def _look(self, target: Target) -> None:
        """Try every plan that is built, then build one that is not."""
        self._end_probations_elsewhere()
        unbuilt: list[tuple[Release, PlanKey]] = []
        for release in self._served.releases():
            if not self._is_due(release):
                continue
            with self._or_given_up(release):
                key = plan_key(release, target)
                if not has_backend(self._settings.backends_dir):
                    self._tell(release, PlanPhase.WAITING, key, "Triton has no TensorRT backend")
                elif not self._advance(release, key):
                    unbuilt.append((release, key))
        for release, key in unbuilt[:1]:
            with self._or_given_up(release):
                self._build(release, key, target)

    @contextmanager
    def _or_given_up(self, release: Release) -> Iterator[None]:
        """A full disk, or files that somebody moved or edited: no plan until the next start."""
        try:
            yield
        except Exception as exc:  # whatever it is, this thread looks after all other plans, too
            logger.exception("the plan of %s is given up", release.name)
            self._given_up.add(str(release.name))
            self._end_probation(str(release.name))
            reason = f"given up until the next start: {exc}"
            self._tell(release, PlanPhase.REFUSED, reason=reason)

    def _is_due(self, release: Release) -> bool:
        name = str(release.name)
        if self._stopping.is_set() or name in self._given_up or not may_have_plan(release):
            return False
        if self._served.is_engine_chosen(release.name):
            self._board.note_plan(name, None)
            return False
        state = self._board.state_of(name)
        return self._board.phase() is Phase.SERVING and state is ReleaseState.READY

    def _advance(self, release: Release, key: PlanKey) -> bool:
        """Take a release as far as it goes with what is built; whether that is all for now."""
        if release.engine == TENSORRT:
            self._watch_probation(release)
            return True
        if self._store.is_on_trial(key, self._who):
            self._refuse(release, key, "Triton or its supervisor ended over it")
        entry = self._store.find(key)
        if entry.found is Found.REFUSED:
            self._tell(release, PlanPhase.REFUSED, key, entry.reason)
        self._offer_onnx(release)
        if entry.found is Found.BUILT:
            self._try(release, key)
        return entry.found is not Found.NOTHING

    def _watch_probation(self, release: Release) -> None:
        _, since = self._probation.get(str(release.name), (None, 0.0))
        if time.monotonic() - since > PROBATION_SECONDS:
            self._end_probation(str(release.name))

    def _end_probations_elsewhere(self) -> None:
        """Of what was unloaded, or put on another engine, meanwhile."""
        if self._board.phase() not in _ANSWERS:
            return  # `step_back` is to judge first
        for name in tuple(self._probation):
            release = self._served.find(name)
            if release is None or release.engine != TENSORRT:
                self._end_probation(name)

    def _end_probation(self, name: str) -> None:
        key, _ = self._probation.pop(name, (None, 0.0))
        if key is not None:
            with suppress(OSError):  # a disk that fails must not end the supervisor, too
                self._store.end_trial(key, self._who)

    def _offer_onnx(self, release: Release) -> None:
        """OpenVINO is for the CPU: until there is a plan, and if there never is, use the card."""
        name = str(release.name)
        if release.engine != OPENVINO or name in self._offered_onnx:
            return
        self._offered_onnx.add(name)
        if ONNXRUNTIME not in release.engines:
            return
        try:
            self._changes.switch_unasked(release.name, lambda _, it: it.on_engine(ONNXRUNTIME))
        except (CallFailed, LoadRefused, NotRunning) as exc:
            logger.warning("%s stays on %s: %s", name, release.engine, exc)

    def _build(self, release: Release, key: PlanKey, target: Target) -> None:
        self._tell(release, PlanPhase.BUILDING, key)
        limit_seconds = self._settings.plan_build_seconds
        pause = self._stopping.wait
        try:
            entry = build_plan(self._store, release, key, target, limit_seconds, pause=pause)
        except BuildStopped:
            return
        if entry.found is Found.REFUSED:
            self._tell(release, PlanPhase.REFUSED, key, entry.reason)
        elif entry.found is Found.NOTHING:
            self._tell(release, PlanPhase.WAITING, key, "another plan is being built")

    def _try(self, release: Release, key: PlanKey) -> None:
        if not self._store.is_intact(key):
            logger.warning("the plan of %s is not what was built; it is built anew", release.name)
            self._store.forget(key)
            return
        self._tell(release, PlanPhase.CHECKING, key)
        name, tried = str(release.name), self._store.file(key)
        self._store.begin_trial(key, self._who)
        self._probation[name] = key, time.monotonic()
        try:
            self._changes.switch_unasked(release.name, lambda live, it: self._proven(live, it, key))
        except NotRunning as exc:
            self._end_probation(name)
            self._tell(release, PlanPhase.WAITING, key, str(exc))
        except (PlanRefused, LoadRefused, CallFailed) as exc:
            if self._stopping.is_set() or self._cycle.is_under_way:  # which says nothing of it
                self._end_probation(name)
            elif self._board.phase() in _ANSWERS:
                self._refuse_tried(release, key, tried, str(exc))
                self._end_probation(name)
            # Else Triton has ended: `step_back`, who knows why, has judged or is to.
        else:
            if name in self._probation:  # Triton has not ended meanwhile
                self._probation[name] = key, time.monotonic()
                self._tell(release, PlanPhase.SERVING, key)

    def _proven(self, live: LiveTriton, release: Release, key: PlanKey) -> Release:
        view, plan = self._settings.serving_dir, self._store.file(key)
        proven = try_plan(live, view, release, plan, self._settings.start_timeout_seconds)
        link_plan(view, release, plan)
        return proven

    def _refuse_tried(self, release: Release, key: PlanKey, tried: Path, reason: str) -> None:
        if self._store.file(key) == tried:
            self._refuse(release, key, reason)
        else:
            self._tell(release, PlanPhase.WAITING, key, "it was built anew during its trial")

    def _refuse(self, release: Release, key: PlanKey, reason: str) -> None:
        logger.warning("%s stays on ONNX: %s", release.name, reason)
        self._tell(release, PlanPhase.REFUSED, key, reason)
        try:
            self._store.refuse(key, reason)
            self._store.end_trial(key, self._who)
        except OSError:  # then it is known until the next start only
            logger.exception("that could not be written down")
            self._given_up.add(str(release.name))

    def _tell(
        self,
        release: Release,
        phase: PlanPhase,
        key: PlanKey | None = None,
        reason: str | None = None,
    ) -> None:
        status = PlanStatus(phase, "" if key is None else key.digest, reason)
        self._board.note_plan(str(release.name), status)
