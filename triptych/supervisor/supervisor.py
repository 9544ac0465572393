"""Watch over one Triton: load the desired set, prove it, keep proving it, and heal what fails.

Watchers note what they see (StubWatch, CanaryRounds); `decide` says what comes next; one thread,
`run`, does it. docs/adr/0017 has the reasons.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from triptych.errors import RestartUnderWay
from triptych.release import Golden, Release
from triptych.routing import ReleaseName
from triptych.stack.settings import StackSettings
from triptych.stack.triton_addresses import TritonAddresses
from triptych.stack.triton_process import TritonProcess
from triptych.supervisor.canary import CanaryResult, replay_golden
from triptych.supervisor.canary_rounds import CanaryRounds
from triptych.supervisor.decisions import Decision, Do, Facts, decide
from triptych.supervisor.hang_finder import Diagnosis
from triptych.supervisor.inventory import Shelf
from triptych.supervisor.metrics import SupervisorMetrics
from triptych.supervisor.plan_rounds import PlanRounds
from triptych.supervisor.release_changes import ReleaseChanges
from triptych.supervisor.release_healer import DIED, ReleaseHealer
from triptych.supervisor.served_set import ServedSet
from triptych.supervisor.server_cycle import ServerCycle
from triptych.supervisor.server_keeper import ServerKeeper
from triptych.supervisor.status import (
    Phase,
    ReleaseStatus,
    SupervisorStatus,
    TritonStatus,
)
from triptych.supervisor.status_board import StatusBoard
from triptych.supervisor.stub_processes import Stub
from triptych.supervisor.stub_watch import StubWatch
from triptych.supervisor.troubles import Troubles

logger = logging.getLogger(__name__)

_TICK_SECONDS: Final = 0.25
_WRONG_ANSWERS: Final = 3


class Supervisor:
    """Owns one Triton.

    `run` is the one thread that starts, heals and ends it; everything else may be called from any.

    Args:
        start_triton: Starts a tritonserver; called again after each of its ends.
        releases: Served without anybody having loaded them.
        settings: Of this Triton.
        metrics: Where it counts.
    """

    def __init__(
        self,
        start_triton: Callable[[], TritonProcess],
        releases: Sequence[Release],
        settings: StackSettings,
        metrics: SupervisorMetrics | None = None,
    ) -> None:
        self._settings = settings
        self._addresses = TritonAddresses.of(settings)
        self._metrics = metrics or SupervisorMetrics()
        self.board = StatusBoard(self._metrics)
        self.shelf = Shelf(settings.model_repository, self.board.loaded)
        self._served = ServedSet(releases, self.board, settings)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._troubles = Troubles()
        self._watch = StubWatch(self.note_stub_end, self._wake.set)
        self._healer = ReleaseHealer(
            self.board, self._watch, self._troubles, max(5.0, 2 * settings.canary_timeout_seconds)
        )
        self._keeper = ServerKeeper(start_triton, self.board, self._watch, settings)
        self._cycle = ServerCycle(
            self._keeper,
            self.board,
            settings,
            stopping=self._stopping,
            served=self._served,
            before_start=self._forget_old_server,
        )
        self._rounds = CanaryRounds(
            self._served.releases, self._send_canary, settings.canary_interval_seconds
        )
        self._changes = ReleaseChanges(
            self._served, self._keeper, self._cycle, self._rounds, healer=self._healer
        )
        self._plans = PlanRounds(self._served, self._changes, self._cycle)

    @property
    def start_failure(self) -> str | None:
        """Why the desired set never came up."""
        return self._cycle.start_failure

    def status(self) -> SupervisorStatus:
        """A consistent picture of this moment."""
        where = self._addresses
        return self.board.snapshot(
            TritonStatus(where.http, where.grpc, where.metrics, self._keeper.pid)
        )

    def stop(self) -> None:
        """End `run` soon: drain, stop Triton."""
        self._stopping.set()
        self._changes.stop()
        self._plans.stop()
        self._wake.set()

    def kill(self) -> None:
        """End Triton now; for a `stop` that takes too long."""
        self._cycle.cut_short()

    def run(self) -> None:
        """Bring the desired set up and keep it up, until `stop` or a first start that fails."""
        watchers = [
            threading.Thread(target=self._watch.run, name="stubs", daemon=True),
            threading.Thread(target=self._rounds.run, name="canaries", daemon=True),
            threading.Thread(target=self._plans.run, name="plans", daemon=True),
        ]
        for watcher in watchers:
            watcher.start()
        try:
            self._served.bring_back_loaded()
            if self._cycle.start_first():
                while not self._stopping.is_set():
                    self._wake.wait(_TICK_SECONDS)
                    self._wake.clear()
                    with self._keeper.acting:
                        self._do(decide(self._facts()))
        except BaseException:  # passed on; others must see that nobody acts any more
            self._cycle.start_failure = "the supervisor failed; its log has the traceback"
            raise
        finally:
            self._rounds.stop()
            self._plans.stop()
            self._cycle.finish()
            self._watch.stop()
            for watcher in watchers:
                watcher.join(self._settings.canary_timeout_seconds)

    def drain(self) -> SupervisorStatus:
        """Ask everybody to send nothing new."""
        if self.board.phase() is Phase.SERVING:
            self.board.set_phase(Phase.DRAINING, "draining, as somebody asked")
        return self.status()

    def undrain(self) -> SupervisorStatus:
        """Take part again."""
        if self.board.phase() is Phase.DRAINING and not self._cycle.is_under_way:
            self.board.set_phase(Phase.SERVING)
        return self.status()

    def restart(self) -> SupervisorStatus:
        """Have Triton drained, ended and started again.

        Raises:
            RestartUnderWay: it is being started or restarted anyway.
        """
        if not self._cycle.ask_for_restart():
            raise RestartUnderWay("Triton is being started or restarted already.")
        self._wake.set()
        return self.status()

    def load(
        self, name: ReleaseName, engine: str | None = None, *, routes_are_kept: bool = False
    ) -> ReleaseStatus:
        """Add a release to what is served, once it has proven itself; it stays over restarts.

        One that is served already is left as it is, but for its engine. A failure changes nothing,
        neither for it nor for the others.

        Args:
            name: Of the release.
            engine: What its model step is to run on; None leaves it, or takes the release's own.
            routes_are_kept: Whether whoever asks has seen to it that its alias goes on meaning
                what it means, although this may be the lowest number of that name.

        Raises:
            ReleaseNameInvalid: there is none of that name on disk.
            ReleaseBroken: its files are not what was released.
            CallFailed: Triton cannot load it.
            LoadRefused: a golden input did not get its golden answer, traffic would move, or it
                has no such engine.
            NotRunning: there is no Triton that could load it, or not yet.
        """
        self._changes.load(name, engine, routes_are_kept=routes_are_kept)
        return self.status().releases[str(name)]

    def unload(self, name: ReleaseName) -> None:
        """Take a release away from what is served, once nobody uses it; it stays away.

        It gets no canaries while it is watched. Whether a route names it is not asked here. One
        that is not served stays so over restarts.

        Raises:
            ReleaseNameInvalid: it is neither served nor on disk.
            ReleaseBroken: it is not served, and its files are not what was released.
            UnloadRefused: somebody uses it; nothing has changed.
            CallFailed: Triton cannot unload it; nothing has changed.
            NotRunning: there is no Triton that could unload it, or not any more.
        """
        self._changes.unload(name)

    def note_stub_end(self, stub: Stub) -> None:
        """A stub died; called at once, by the thread that watches them."""
        alias_and_number, _, step = stub.model.rpartition("_")
        self._healer.note_death(alias_and_number, step, DIED)
        self._wake.set()

    def _send_canary(self, release: Release, golden: Golden) -> CanaryResult | None:
        name, live = str(release.name), self._keeper.live
        if live is None or not self._cycle.take_canary(name):
            return None
        epoch, sent = self.board.epoch(name), time.monotonic()
        timeout_seconds = self._settings.canary_timeout_seconds
        result = replay_golden(live.connection, release, golden, timeout_seconds=timeout_seconds)
        if result.is_unsent:
            self.board.note_doubt(name, result.reason or "", epoch)
            return None
        self._metrics.note_canary(name, result.duration_ms / 1000)
        if live is not self._keeper.live or epoch != self.board.epoch(name):
            return None  # it was overtaken by a death, a heal or a restart
        if not result.has_timed_out:
            self.board.note_canary(name, result, epoch)
        if result.has_failed:
            self._troubles.note_silence(name, sent)
            self._wake.set()
        elif result.reason:
            self._troubles.note_wrong(name)
        else:
            self._troubles.note_answer(name)
        return result

    def _facts(self) -> Facts:
        waits = self._healer.ladder.waits_seconds
        return Facts(
            has_ended=self._keeper.exit_code() is not None,
            is_restart_asked=self._cycle.is_restart_asked(),
            dead=[name for name in self._troubles.dead() if not waits(name)],
            silent=self._troubles.silent(),
            wrong=[name for name in self._troubles.wrong(_WRONG_ANSWERS) if not waits(name)],
            is_quiet=self._cycle.is_quiet_for_a_restart(),
        )

    def _do(self, decision: Decision) -> None:
        release = self._served.find(decision.release) if decision.release else None
        match decision.do:
            case Do.REVIVE:
                self._cycle.revive()
            case Do.RESTART:
                self._cycle.restart("somebody asked for it")
            case Do.RENEW:
                self._cycle.restart("to be rid of what dead stubs left behind", is_quiet=True)
            case _ if release is not None:
                self._put_right(decision.do, release)
            case _ if decision.release is not None:  # noticed too late: it was unloaded
                self._troubles.clear(decision.release)
            case _:
                pass

    def _put_right(self, do: Do, release: Release) -> None:
        live = self._keeper.live
        if live is None:
            return
        if do is Do.EXAMINE:
            self._act_on(self._healer.examine(live, release))
            return
        heal = self._healer.heal if do is Do.HEAL else self._healer.repair
        if not heal(live, release) and self._healer.ladder.wants_restart(str(release.name)):
            self._cycle.replace(f"heals of {release.name} failed")

    def _act_on(self, diagnosis: Diagnosis) -> None:
        if diagnosis is Diagnosis.SERVER_HANGS:
            self._cycle.replace("Triton hung")
        elif diagnosis is Diagnosis.SERVER_ENDS:
            self._cycle.let_end()
        self._wake.set()  # what else was found is to be healed now

    def _forget_old_server(self, has_failed: bool) -> None:
        self._plans.step_back(has_failed=has_failed)
        self._healer.forget()
        self._troubles.clear_all()
