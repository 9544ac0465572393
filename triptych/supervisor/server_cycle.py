"""The life of one tritonserver after another: start, drain, end, start again, back off."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from triptych.errors import CallFailed, StartFailed
from triptych.release import Release
from triptych.stack.settings import StackSettings
from triptych.supervisor.live_triton import LiveTriton
from triptych.supervisor.quiet_watch import QuietWatch
from triptych.supervisor.release_loader import clear_away, link_release
from triptych.supervisor.served_set import ServedSet
from triptych.supervisor.server_keeper import ServerKeeper, ended
from triptych.supervisor.start_backoff import StartBackoff
from triptych.supervisor.status import Phase, ReleaseState
from triptych.supervisor.status_board import StatusBoard

logger = logging.getLogger(__name__)

MAX_BACKOFF_SECONDS: Final = 60.0
# Who asks the supervisor every half second has seen the drain by then.
_DRAINED_SECONDS: Final = 0.6
_LOOK_SECONDS: Final = 0.1
# Nobody has been answered for a while, so little can be in flight that would need longer.
_QUIET_GRACE_SECONDS: Final = 2.0
_ANSWERS: Final = frozenset({Phase.SERVING, Phase.DRAINING})
_MAY_RESTART: Final = frozenset({Phase.SERVING, Phase.DRAINING, Phase.BACKING_OFF})


class ServerCycle:
    """Only the supervisor's thread may call what starts and ends; the questions may be any's.

    Args:
        keeper: Holds the server.
        board: Where phases are told.
        stopping: Set when the supervisor is to end.
        settings: Of this Triton.
        served: The releases to be brought up.
        before_start: Called when the old server is gone and what was noticed of it is over; told
            whether that one ended by itself, hung, or could not be healed.
    """

    def __init__(
        self,
        keeper: ServerKeeper,
        board: StatusBoard,
        settings: StackSettings,
        *,
        stopping: threading.Event,
        served: ServedSet,
        before_start: Callable[[bool], None],
    ) -> None:
        self._keeper = keeper
        self._board = board
        self._stopping = stopping
        self._settings = settings
        self._served = served
        self._before_start = before_start
        self._backoff = StartBackoff(settings.restart_backoff_seconds, MAX_BACKOFF_SECONDS)
        self._quiet = QuietWatch()
        self._next_look = 0.0
        self._canaries = 0
        self._is_silent = False  # canaries pause, so that a drain can see who else asks
        self._restart_asked = threading.Event()
        self._hushed: set[str] = set()  # releases that get no canaries
        self.start_failure: str | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether a restart was asked for and is not over."""
        return self._restart_asked.is_set() or self._is_silent

    def ask_for_restart(self) -> bool:
        """Whether that is possible now; one that waits for its next start is started at once."""
        if self.is_under_way or self._board.phase() not in _MAY_RESTART:
            return False
        self._restart_asked.set()
        return True

    def is_restart_asked(self) -> bool:
        """Whether somebody did."""
        return self._restart_asked.is_set()

    def take_canary(self, name: str) -> bool:
        """Whether a canary of that release makes sense now; if so it counts as sent."""
        may = not self._is_silent and self._board.phase() in _ANSWERS
        may = may and name not in self._hushed and self._board.is_provable(name)
        self._canaries += may
        return may

    @contextmanager
    def without_canaries(self, name: str) -> Iterator[None]:
        """Send a release none, so that it can be seen who else asks it."""
        self._hushed.add(name)
        try:
            yield
        finally:
            self._hushed.discard(name)

    def is_quiet_for_a_restart(self) -> bool:
        """Whether a restart would do good and nobody would notice; looks once a second."""
        live = self._keeper.live
        if live is None or not self._board.wants_restart_now():
            self._quiet = QuietWatch()
            return False
        if time.monotonic() < self._next_look:
            return False
        self._next_look = time.monotonic() + 1.0
        try:
            quiet_seconds = self._quiet.look(live.counts(), self._canaries)
        except CallFailed:
            return False
        # Not all servers at the same time.
        return quiet_seconds >= self._settings.quiet_seconds * (1 + self._settings.triton_index)

    def start_first(self) -> bool:
        """Start; a first start that fails is told, not tried again."""
        try:
            self._start(is_first=True)
        except StartFailed as exc:
            if not self._stopping.is_set():
                self.start_failure = str(exc)
            return False
        return True

    def revive(self) -> None:
        """The server has ended by itself: end what is left of it and start again."""
        code, words = self._keeper.exit_code(), self._keeper.last_words()
        self._replace(ended(code if code is not None else 0), words)

    def let_end(self) -> None:
        """Somebody sent it SIGTERM: what is in flight may finish; `revive` comes next."""
        cause = "Triton is ending, and its supervisor did not ask for it"
        self._board.set_phase(Phase.RESTARTING, cause)
        self._fail_all(cause)
        deadline = time.monotonic() + self._settings.exit_timeout_seconds
        while self._keeper.exit_code() is None and not self._stopping.wait(_LOOK_SECONDS):
            if time.monotonic() > deadline:
                self._replace("Triton did not end in time", self._keeper.last_words())
                return

    def replace(self, cause: str) -> None:
        """The server hangs, or cannot be healed: kill it and start again."""
        self._replace(cause, self._keeper.last_words())

    def _replace(self, cause: str, words: str) -> None:
        noticed = time.monotonic()
        logger.warning("%s; its last words: %s", cause, words)
        self._fail_all(cause)
        self._board.set_phase(Phase.RESTARTING, cause)
        self._keeper.end(0.0)
        self._start_again(cause, words, noticed)

    def restart(self, cause: str, *, is_quiet: bool = False) -> None:
        """Drain, end, start: nobody who looks at the phase loses a request."""
        noticed = time.monotonic()
        # One with dead stubs never ends in order, it only runs into its own exit timeout.
        is_quiet |= self._drain(f"draining before a restart: {cause}") and self._board.has_leaks()
        self._board.set_phase(Phase.RESTARTING, cause)
        self._fail_all(f"Triton is restarting: {cause}")
        self._keeper.end(_QUIET_GRACE_SECONDS if is_quiet else None)
        logger.info("Triton has ended for a restart after %.1f s", time.monotonic() - noticed)
        self._restart_asked.clear()
        self._bring_back(cause)

    def cut_short(self) -> None:
        """End Triton from another thread, so that whatever waits for it gives up."""
        live = self._keeper.live
        if live is not None:
            live.process.kill()

    def finish(self) -> None:
        """Drain and end for good."""
        if self.start_failure is None:
            self._drain("draining before the end")
        self._board.set_phase(Phase.STOPPING, "stopping")
        self._keeper.end()

    def _fail_all(self, reason: str) -> None:
        names = [str(release.name) for release in self._served.releases()]
        self._board.move(names, ReleaseState.FAILING, reason)

    def _start_again(self, cause: str, words: str, noticed: float) -> None:
        delay_seconds = self._backoff.note_end()
        if delay_seconds:
            self._back_off(delay_seconds, cause, words)
        self._bring_back(cause, noticed)

    def _bring_back(self, cause: str, noticed: float | None = None) -> None:
        """Start until it serves."""
        while not self._stopping.is_set():
            self._restart_asked.clear()
            try:
                self._start(is_first=False, has_failed=noticed is not None)
            except StartFailed as exc:
                self._keeper.end(0.0)
                self._back_off(self._backoff.note_end(), "Triton did not start", str(exc))
            else:
                if noticed is not None:
                    self._board.note_heal(None, cause, time.monotonic() - noticed)
                return

    def _back_off(self, seconds: float, cause: str, words: str) -> None:
        if self._stopping.is_set() or not seconds:
            return
        at = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="seconds")
        again = at.replace("+00:00", "Z")
        reason = f"ended {self._backoff.ends} times, the next start is at {again}: {cause}: {words}"
        self._fail_all(reason)
        self._board.set_phase(Phase.BACKING_OFF, reason)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._restart_asked.is_set():
            if self._stopping.wait(_LOOK_SECONDS):
                return

    def _start(self, *, is_first: bool, has_failed: bool = False) -> None:
        self._before_start(has_failed)
        self._is_silent = False
        releases = self._served.releases()
        self._board.set_phase(Phase.STARTING, "Triton is starting")
        self._board.move([str(it.name) for it in releases], ReleaseState.LOADING)
        live = self._keeper.start(self._stopping.wait)
        for release in releases:
            if self._stopping.is_set():
                raise StartFailed("Triton was stopped while starting")
            self._bring_up(live, release, is_first=is_first)
        self._backoff.note_healthy()
        self._board.set_phase(Phase.SERVING)

    def _bring_up(self, live: LiveTriton, release: Release, *, is_first: bool) -> None:
        name = str(release.name)
        try:
            link_release(self._settings, release)
            result = live.bring_up(release)
            reason = f"{name}: {result.reason}" if result.reason else None
        except CallFailed as exc:
            reason = str(exc)
        if reason is None:
            self._board.note_device(name, live.device(release))
            self._board.note_canary(name, result)
            return
        code = self._keeper.exit_code()
        if code is not None:
            raise StartFailed(f"Triton ended while starting: {self._keeper.last_words()}")
        logger.error("%s is not served: %s", name, reason)
        if self._served.is_excusable(release.name):
            clear_away(live, release)
            self._board.excuse(name, reason)
        elif is_first:
            raise StartFailed(reason)
        else:
            self._board.move([name], ReleaseState.FAILING, reason)

    def _drain(self, reason: str) -> bool:
        """Whether nobody asked anything at the end of it."""
        live = self._keeper.live
        if live is None or not self._settings.drain_seconds or self._board.phase() not in _ANSWERS:
            return False
        self._is_silent = True
        self._board.set_phase(Phase.DRAINING, reason)
        quiet, deadline = QuietWatch(), time.monotonic() + self._settings.drain_seconds
        while time.monotonic() < deadline and self._keeper.exit_code() is None:
            try:
                if quiet.look(live.counts(), self._canaries) >= _DRAINED_SECONDS:
                    return True
            except CallFailed:
                return False
            time.sleep(_LOOK_SECONDS)
        return False
