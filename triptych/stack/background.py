"""Run `triptych up` in the background, and stop it from another terminal."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil

from triptych.errors import NotRunning, StartFailed
from triptych.stack.child_process import last_words
from triptych.stack.stack_file import StackFile, read_stack
from triptych.stack.state_lock import lock_holder, make_state_dir

_PAUSE_SECONDS: Final = 0.05


def start_detached(arguments: Sequence[str], state_dir: Path, timeout_seconds: float) -> StackFile:
    """Start `triptych up` in a session of its own and wait until it has proven itself.

    Args:
        arguments: What `up` is to be given, without --detach.
        state_dir: Where it writes stack.json and its log.
        timeout_seconds: After this it is stopped again.

    Raises:
        StartFailed: with the sentence that it ended with.
    """
    make_state_dir(state_dir)
    log_file = state_dir / "logs" / "up.log"
    log_file.parent.mkdir(exist_ok=True)
    # Of a stack that runs there the log is kept: this start will only be refused.
    if lock_holder(state_dir) is None:
        log_file.write_bytes(b"")
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "triptych", "up", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return _wait_until_proven(process, state_dir, log_file, timeout_seconds)
    except BaseException:  # Ctrl-C too: what does not come up must not stay
        process.terminate()
        process.wait()
        raise


def _wait_until_proven(
    process: subprocess.Popen[bytes], state_dir: Path, log_file: Path, timeout_seconds: float
) -> StackFile:
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StartFailed(last_words(log_file))
        with contextlib.suppress(NotRunning):
            stack = read_stack(state_dir)
            if stack.pid == process.pid:
                return stack
        time.sleep(_PAUSE_SECONDS)
    raise StartFailed(f"the stack was not ready within {timeout_seconds:.0f} s; see {log_file}")


def stop_detached(state_dir: Path, timeout_seconds: float) -> None:
    """Stop the stack of a state folder, also one that is still starting, and wait until it is gone.

    Raises:
        NotRunning: nothing runs there.
        StartFailed: it does not end in time.
    """
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(_owner(state_dir))
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout_seconds)
        except psutil.TimeoutExpired as exc:
            raise StartFailed(f"the stack (pid {process.pid}) does not stop") from exc


def _owner(state_dir: Path) -> int:
    try:
        return read_stack(state_dir).pid
    except NotRunning:
        holder = lock_holder(state_dir)
        if holder is None:
            raise
        return holder
