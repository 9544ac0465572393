"""One process that we start, log and stop, together with everything that it started itself."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

# The kernel sends SIGTERM when the parent dies, so that a killed `up` leaves nothing behind.
# setpriv (util-linux, on every Debian) asks for it and becomes the command; a preexec_fn of our own
# would abort some children of a process that has a gRPC channel open.
END_WITH_PARENT: Final = ("setpriv", "--pdeathsig", "TERM", "--")
_PAUSE_SECONDS: Final = 0.02


def last_words(log_file: Path) -> str:
    """The last line of a log that says anything; our own errors are one sentence there."""
    lines = log_file.read_text(errors="replace").splitlines()
    spoken = (line.strip() for line in reversed(lines) if line.strip())
    return next(spoken, "its log is empty").removeprefix("Error: ")


def _exit_code(pid: int) -> int | None:
    """Look without burying it, so that whoever is broken off here can ask again."""
    try:
        state = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # where SIGCHLD is ignored the kernel buries it; how it ended is lost
        return 0
    if state is None:
        return None
    return state.si_status if state.si_code == os.CLD_EXITED else -state.si_status


class ChildProcess:
    """A started process, leader of a session and process group of its own.

    Start it from the main thread: to the kernel, the death of the starting thread is the parent's.
    One that takes another's place keeps the log that tells how that one ended.

    It is waited for here and not by Popen, whose own lock stays taken for ever where the exception
    of a signal handler (stop_signals.py) comes between two of its lines.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log_file: Path,
        keep_log: bool = False,
    ) -> None:
        self.name = name
        self.log_file = log_file
        log_file.parent.mkdir(parents=True, exist_ok=True)
        if not keep_log:
            log_file.write_bytes(b"")
        # For appending in any case: one that is cut (log_files.py) goes on from the beginning.
        with log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*END_WITH_PARENT, *command],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its group."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """The exit code, negative where a signal ended it, or None while it runs."""
        if self._process.returncode is None:
            self._process.returncode = _exit_code(self.pid)
        return self._process.returncode

    def last_words(self) -> str:
        """The last line of its log that says anything."""
        return last_words(self.log_file)

    def stop(self, grace_seconds: float) -> None:
        """Ask it to end, wait, and then end whatever is left of its group."""
        try:
            if self.exit_code() is None:
                os.kill(self.pid, signal.SIGTERM)
                self._wait(grace_seconds)
        finally:  # also when a signal breaks the wait off: what was started must not stay
            self._kill_group()

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._wait(math.inf)
        with contextlib.suppress(ChildProcessError):  # it was stopped before
            os.waitpid(self.pid, 0)

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.exit_code() is None and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)


def stop_all(children: Sequence[ChildProcess], grace_seconds: float) -> None:
    """Ask all of them at once, so that the slowest one sets the time, then see each one out."""
    for child in children:
        if child.exit_code() is None:
            os.kill(child.pid, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    for child in children:
        child.stop(max(0.1, deadline - time.monotonic()))
