"""Puts one release right on a running server: steps loaded anew, hung stubs killed, proof."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Final

from triptych.errors import CallFailed
from triptych.release import Release
from triptych.supervisor.hang_finder import Diagnosis, HangFinder
from triptych.supervisor.heal_ladder import HealLadder
from triptych.supervisor.live_triton import STEPS, LiveTriton
from triptych.supervisor.status import ReleaseState
from triptych.supervisor.status_board import StatusBoard
from triptych.supervisor.stub_watch import StubWatch
from triptych.supervisor.troubles import Troubles

logger = logging.getLogger(__name__)

DIED = "stub died"
HUNG = "stub hung"
WRONG = "wrong answers"
FAILED = "heal failed"
# So many canaries in a row without an answer, and nobody to blame: then it is the server.
_MAX_UNEXPLAINED: Final = 3


class ReleaseHealer:
    """Acts in the supervisor's one thread; what it finds it writes on the board.

    Args:
        prove_seconds: How long the golden inputs may take after a heal.
    """

    def __init__(
        self, board: StatusBoard, watch: StubWatch, troubles: Troubles, prove_seconds: float
    ) -> None:
        self.ladder = HealLadder()
        self._board = board
        self._watch = watch
        self._troubles = troubles
        self._prove_seconds = prove_seconds
        self._finder = HangFinder(watch.stubs_of)
        self._dead = 0  # stubs of this server that died or were killed

    def forget(self) -> None:
        """There is a new server: nothing has leaked yet."""
        self._dead = 0

    def forget_release(self, name: str) -> None:
        """It is not served any more."""
        self._troubles.clear(name)
        self.ladder.forget(name)

    def heal(self, live: LiveTriton, release: Release) -> bool:
        """Load the dead steps anew and prove the release; whether it is well again."""
        name = str(release.name)
        dead, noticed = self._troubles.take_deaths(name)
        cause = ", ".join(f"{step}: {cause}" for step, cause in dead.items())
        reason = self._renew_and_prove(live, release, dead)
        if reason is None:
            self._finish(name, cause, noticed)
            return True
        logger.warning("the heal of %s failed: %s", name, reason)
        self.ladder.note_failure(name)
        for step in STEPS:  # next time all of them: what is wrong may be another one
            self._troubles.note_death(name, step, dead.get(step, FAILED))
        self._board.move([name], ReleaseState.HEALING, f"{cause}; the heal failed: {reason}")
        return False

    def repair(self, live: LiveTriton, release: Release) -> bool:
        """Every step anew, because nobody knows which one is to blame."""
        for step in STEPS:
            self._troubles.note_death(str(release.name), step, WRONG)
        self._board.move([str(release.name)], ReleaseState.HEALING, WRONG)
        return self.heal(live, release)

    def examine(self, live: LiveTriton, release: Release) -> Diagnosis:
        """Find out why a canary was not answered; steps that hang are noted as dead."""
        name = str(release.name)
        epoch = self._board.epoch(name)
        waited_seconds, silences = self._troubles.take_silence(name)
        finding = self._finder.find(live, release, waited_seconds)
        logger.warning(
            "%s left a canary without an answer: %s %s", name, finding.diagnosis.name, finding.steps
        )
        if finding.diagnosis is Diagnosis.STEPS_HANG:
            for step in finding.steps:
                self.note_death(name, step, HUNG)
        elif finding.diagnosis is Diagnosis.SLOW:
            self._board.note_slow(name, "slow: it answers others, not the canary in time", epoch)
        elif finding.diagnosis is Diagnosis.NOTHING and silences >= _MAX_UNEXPLAINED:
            return Diagnosis.SERVER_HANGS
        return finding.diagnosis

    def note_death(self, release: str, step: str, cause: str) -> None:
        """Any thread may say so; the board knows it at once."""
        if not self._board.note_death(release, step, f"{cause}: {step}"):
            return
        self._troubles.note_death(release, step, cause)
        self.ladder.note_trouble(release)
        self._dead += 1
        self._board.want_restart(
            f"{self._dead} dead stubs; each leaves a zombie, shared memory and a model behind"
        )

    def _renew_and_prove(
        self, live: LiveTriton, release: Release, dead: Mapping[str, str]
    ) -> str | None:
        """What went wrong, or None."""
        name = str(release.name)
        try:
            if self.ladder.has_failed(name) or WRONG in dead.values():
                live.connection.load(name, self._prove_seconds)  # it may not be loaded at all
            for step, cause in dead.items():
                self._renew(live, release.name.step(step), cause)
        except CallFailed as exc:
            return str(exc)
        result = live.prove(release, self._prove_seconds)
        if result.reason:
            return result.reason
        if self._troubles.has_deaths(name):
            return "it died again at once"
        self._board.note_canary(name, result)
        return None

    def _renew(self, live: LiveTriton, model: str, cause: str) -> None:
        with self._watch.replacing(model) as old:
            live.load_anew(model)
        if cause != WRONG:
            for stub in old:  # it hangs, and its requests with it; killed, they end with an error
                self._watch.kill(stub)

    def _finish(self, name: str, cause: str, noticed: float) -> None:
        self._troubles.clear(name)
        self.ladder.note_well(name)
        self._board.note_heal(name, cause, time.monotonic() - noticed)
