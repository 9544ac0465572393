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

from triptych.errors import NotRunning, RestartUnderWay, TriptychError
from triptych.release import Golden, Release
from triptych.routing import ReleaseName, first_routes
from triptych.stack.settings import StackSettings
from triptych.stack.triton_process import TritonAddresses, TritonProcess
from triptych.supervisor.canary import CanaryResult, replay_golden
from triptych.supervisor.canary_rounds import CanaryRounds
from triptych.supervisor.decisions import Decision, Do, Facts, decide
from triptych.supervisor.desired_set import DesiredSet
from triptych.supervisor.hang_finder import Diagnosis
from triptych.supervisor.live_triton import LiveTriton
from triptych.supervisor.metrics import SupervisorMetrics
from triptych.supervisor.release_healer import DIED, ReleaseHealer
from triptych.supervisor.release_loader import (
    check_moves_no_traffic,
    load_and_prove,
    read_from_disk,
)
from triptych.supervisor.server_cycle import ServerCycle, ended
from triptych.supervisor.server_keeper import ServerKeeper
from triptych.supervisor.status import (
    Phase,
    ReleaseStatus,
    SupervisorStatus,
    TritonStatus,
)
from triptych.supervisor.status_board import StatusBoard, first_status
from triptych.supervisor.stub_processes import Stub
from triptych.supervisor.stub_watch import StubWatch
from triptych.supervisor.troubles import Troubles

logger = logging.getLogger(__name__)

_TICK_SECONDS: Final = 0.25
_WRONG_ANSWERS: Final = 3
_SERVES: Final = frozenset({Phase.SERVING, Phase.DRAINING})


def desired_releases(releases: Sequence[Release]) -> list[Release]:
    """Everything that a route names: until routes can be set, each name's first release."""
    routed = set(first_routes(release.name for release in releases if release.promotable).values())
    return [release for release in releases if release.name in routed]


class Supervisor:
    """Owns one Triton.

    `run` is the one thread that starts, heals and ends it; everything else may be called from any.

    Args:
        start_triton: Starts a tritonserver; called again after each of its ends.
        releases: What the repository holds.
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
        self._desired = tuple(desired_releases(releases))  # replaced as a whole, never changed
        self._on_disk = DesiredSet(settings.desired_file)
        self._metrics = metrics or SupervisorMetrics()
        self.board = StatusBoard(self._metrics)
        for release in self._desired:
            self.board.show(str(release.name), first_status(release))
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._loads = threading.Lock()  # one load at a time
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
            desired=lambda: self._desired,
            before_start=self._forget_old_server,
        )
        interval = settings.canary_interval_seconds
        self._rounds = CanaryRounds(lambda: self._desired, self._send_canary, interval)

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
        self._wake.set()

    def kill(self) -> None:
        """End Triton now; for a `stop` that takes too long."""
        self._cycle.cut_short()

    def run(self) -> None:
        """Bring the desired set up and keep it up, until `stop` or a first start that fails."""
        watchers = [
            threading.Thread(target=self._watch.run, name="stubs", daemon=True),
            threading.Thread(target=self._rounds.run, name="canaries", daemon=True),
        ]
        for watcher in watchers:
            watcher.start()
        try:
            self._bring_back_loaded()
            if self._cycle.start_first():
                while not self._stopping.is_set():
                    self._wake.wait(_TICK_SECONDS)
                    self._wake.clear()
                    self._do(decide(self._facts()))
        except BaseException:  # passed on; others must see that nobody acts any more
            self._cycle.start_failure = "the supervisor failed; its log has the traceback"
            raise
        finally:
            self._rounds.stop()
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

    def load(self, name: ReleaseName) -> ReleaseStatus:
        """Add a release to what is served, once it has proven itself; it stays over restarts.

        One that is served already is left as it is. A failure changes nothing for the others.

        Raises:
            ReleaseNameInvalid: there is none of that name on disk.
            ReleaseBroken: its files are not what was released.
            CallFailed: Triton cannot load it.
            LoadRefused: a golden input did not get its golden answer, or traffic would move.
            NotRunning: there is no Triton that could load it, or not yet.
        """
        with self._loads:
            live = self._serving_triton()
            others = [release for release in self._desired if release.name != name]
            if len(others) == len(self._desired) or self.board.is_excused(str(name)):
                release = read_from_disk(self._settings, name)
                check_moves_no_traffic(release, others)
                self.board.show(str(name), load_and_prove(live, self._settings, release))
                self._desired = (*others, release)
                self._keep(release)
            return self.status().releases[str(name)]

    def _keep(self, release: Release) -> None:
        self._on_disk.add(release)
        self._cycle.excusable |= {str(release.name)}

    def _bring_back_loaded(self) -> None:
        """Want again what was loaded by hand; what is gone or broken is told, and keeps no one."""
        kept = self._on_disk.read()
        self._cycle.excusable = frozenset(map(str, kept))
        for name in kept.keys() - {release.name for release in self._desired}:
            try:
                release = read_from_disk(self._settings, name)
            except TriptychError as exc:
                self.board.show(str(name), kept[name].to_status(name))
                self.board.excuse(str(name), str(exc))
            else:
                self.board.show(str(name), first_status(release))
                self._desired = (*self._desired, release)

    def _serving_triton(self) -> LiveTriton:
        live = self._keeper.live
        exit_code = self._keeper.exit_code()
        if exit_code is not None:
            raise NotRunning(ended(exit_code))
        if live is None or self.board.phase() not in _SERVES:
            raise NotRunning("Triton is starting; try again once it is ready.")
        return live

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
        release = next((it for it in self._desired if str(it.name) == decision.release), None)
        match decision.do:
            case Do.REVIVE:
                self._cycle.revive()
            case Do.RESTART:
                self._cycle.restart("somebody asked for it")
            case Do.RENEW:
                self._cycle.restart("to be rid of what dead stubs left behind", is_quiet=True)
            case _ if release is not None:
                self._put_right(decision.do, release)
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

    def _forget_old_server(self) -> None:
        self._healer.forget()
        self._troubles.clear_all()
