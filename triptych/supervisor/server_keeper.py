"""Starts and ends tritonserver, and knows which one runs now."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from triptych.errors import NotRunning, StartFailed
from triptych.stack.settings import StackSettings
from triptych.stack.triton_process import TritonProcess, wait_until_live
from triptych.supervisor.live_triton import LiveTriton
from triptych.supervisor.status import Phase
from triptych.supervisor.status_board import StatusBoard
from triptych.supervisor.stub_watch import StubWatch

logger = logging.getLogger(__name__)


_SERVES: Final = frozenset({Phase.SERVING, Phase.DRAINING})


def ended(exit_code: int) -> str:
    """What is said of a server that nobody ended."""
    return f"Triton ended by itself with exit code {exit_code}"


class ServerKeeper:
    """One server at a time. Only the supervisor's thread may start and end it.

    To the kernel the death of the thread that started a process is the parent's death: that thread
    has to live as long as the supervisor.
    """

    def __init__(
        self,
        start_triton: Callable[[], TritonProcess],
        board: StatusBoard,
        watch: StubWatch,
        settings: StackSettings,
    ) -> None:
        self._start_triton = start_triton
        self._board = board
        self._watch = watch
        self._settings = settings
        self.live: LiveTriton | None = None
        self.acting = threading.Lock()  # held by who heals or restarts it
        self.pid = 0

    def start(self, pause: Callable[[float], object]) -> LiveTriton:
        """Start one and wait until it answers; it is empty then.

        Raises:
            StartFailed: it ended, took too long, cannot be asked, or nobody waits any more.
        """
        process = self._start_triton()
        self.pid = process.child.pid
        self._board.note_start()
        timeout_seconds = self._settings.start_timeout_seconds
        try:
            self.live = live = LiveTriton(process, timeout_seconds)
        except OSError as exc:  # whoever renews certificates may have them away for a moment
            process.stop(0.0)
            raise StartFailed(f"Triton cannot be asked: {exc}") from exc
        self._watch.follow(process.child.pid)
        wait_until_live(live.connection, process.child, timeout_seconds, pause)
        return live

    def note_new_stubs(self) -> None:
        """Know the stubs of what was just loaded: one that dies before it is known dies unseen."""
        self._watch.refresh()

    def serving(self) -> LiveTriton:
        """The server, once all that it is to serve was loaded.

        Raises:
            NotRunning: there is none, or not yet.
        """
        live, exit_code = self.live, self.exit_code()
        if exit_code is not None:
            raise NotRunning(ended(exit_code))
        if live is None or self._board.phase() not in _SERVES:
            raise NotRunning("Triton is starting; try again once it is ready.")
        return live

    def exit_code(self) -> int | None:
        """The exit code of the server, None while it runs or where there is none."""
        return self.live.process.child.exit_code() if self.live else None

    def last_words(self) -> str:
        """The last line of its log."""
        return self.live.process.child.last_words() if self.live else ""

    def end(self, grace_seconds: float | None = None) -> None:
        """Stop it with all that it started.

        Args:
            grace_seconds: How long it may take; 0 kills at once, by default Triton's own limit.
        """
        live, self.live = self.live, None
        self._watch.forget()
        if live is not None:
            live.process.stop(grace_seconds)
            live.connection.close()  # cancels what is in flight: nobody is there any more
