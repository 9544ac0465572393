"""Wakes the moment a stub or tritonserver ends: a pidfd for each, and one thread that waits."""

from __future__ import annotations

import logging
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from triptych.supervisor.stub_processes import Stub, exit_code, find_stubs, is_child

logger = logging.getLogger(__name__)

_REFRESH_SECONDS: Final = 1.0
# A stub that ended with code 0 may have been told to: Triton then waits for it within this time.
_ORDERLY_SECONDS: Final = 0.3


class StubWatch:
    """Watches the stubs of one server at a time; stubs come and go with every load.

    Args:
        on_death: Called at once, in the watching thread, with a stub that nobody ended.
        on_server_end: Likewise, when tritonserver itself has ended.
    """

    def __init__(self, on_death: Callable[[Stub], None], on_server_end: Callable[[], None]) -> None:
        self._on_death = on_death
        self._on_server_end = on_server_end
        self._lock = threading.Lock()
        self._server_pid: int | None = None
        self._server_fd: int | None = None
        self._watched: dict[int, Stub] = {}  # by pidfd
        self._ended: set[int] = set()  # reported pids; they stay children for ever, as zombies
        self._leaving: set[int] = set()  # pids whose end is wanted
        self._suspects: dict[Stub, float] = {}  # ended; since when it is asked whether in order
        self._stopping = False
        self._is_open = True
        self._wakes, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def follow(self, server_pid: int) -> None:
        """Watch this server from now on, and no other."""
        with self._lock:
            self._let_go()
            self._server_pid, self._server_fd = server_pid, os.pidfd_open(server_pid)
        self.refresh()

    def forget(self) -> None:
        """Watch nothing: what ends now is meant to."""
        with self._lock:
            self._let_go()
        self._wake_up()

    def _let_go(self) -> None:
        for fd in (*self._watched, self._server_fd):
            if fd is not None:
                os.close(fd)
        self._watched, self._server_pid, self._server_fd = {}, None, None
        self._ended, self._leaving, self._suspects = set(), set(), {}

    def refresh(self) -> None:
        """Look which stubs there are now."""
        if self._look_again():
            self._wake_up()

    def _look_again(self) -> bool:
        """Whether there are new ones."""
        with self._lock:
            if self._server_pid is None:
                return False
            known = {stub.pid for stub in self._watched.values()} | self._ended
            new = [stub for stub in find_stubs(self._server_pid) if stub.pid not in known]
            for stub in new:
                self._add(stub, self._server_pid)
            return bool(new)

    def _add(self, stub: Stub, server_pid: int) -> None:
        with suppress(ProcessLookupError):
            fd = os.pidfd_open(stub.pid)
            if is_child(stub.pid, server_pid):  # else the number has come to mean another process
                self._watched[fd] = stub
            else:
                os.close(fd)

    def stubs_of(self, model: str) -> list[Stub]:
        """The living stubs of a model, those on their way out left away."""
        with self._lock:
            return [
                stub
                for stub in self._watched.values()
                if stub.model == model and stub.pid not in self._leaving
            ]

    @contextmanager
    def replacing(self, model: str) -> Iterator[list[Stub]]:
        """While a model is loaded anew its old stubs may end; if that fails, they must not have."""
        self.refresh()
        old = self.stubs_of(model)
        with self._lock:
            self._leaving |= {stub.pid for stub in old}
        try:
            yield old
        except BaseException:  # passed on; whatever failed, the old stubs are watched again
            with self._lock:
                self._leaving -= {stub.pid for stub in old}
                gone = [stub for stub in old if stub.pid in self._ended]
            for stub in gone:
                self._on_death(stub)
            raise
        finally:
            self.refresh()

    def kill(self, stub: Stub) -> None:
        """End a stub for good, if it still is what it was."""
        with self._lock, suppress(ProcessLookupError):
            for fd, watched in self._watched.items():
                if watched == stub:
                    signal.pidfd_send_signal(fd, signal.SIGKILL)

    def run(self) -> None:
        """Wait for ends until `stop`."""
        try:
            while not self._stopping:
                self._wait_once()
                self._look_again()
        finally:
            with self._lock:
                self._let_go()
                self._is_open = False
                os.close(self._wakes)
                os.close(self._wake)

    def _wait_once(self) -> None:
        poll = select.poll()
        with self._lock:
            for fd in (self._wakes, *self._watched, self._server_fd):
                if fd is not None:
                    poll.register(fd, select.POLLIN)
            seconds = _ORDERLY_SECONDS / 2 if self._suspects else _REFRESH_SECONDS
        poll.poll(seconds * 1000)
        with suppress(BlockingIOError):
            os.read(self._wakes, 4096)
        dead, server_ended = self._take_ended()
        for stub in dead:
            logger.warning("stub %d of %s ended", stub.pid, stub.model)
            self._on_death(stub)
        if server_ended:
            self._on_server_end()

    def _take_ended(self) -> tuple[list[Stub], bool]:
        with self._lock:
            if self._server_fd is not None and _has_ended(self._server_fd):
                self._let_go()  # its stubs end with it; that is one event, not four
                return [], True
            for fd in [fd for fd in self._watched if _has_ended(fd)]:
                stub = self._watched.pop(fd)
                os.close(fd)
                self._ended.add(stub.pid)
                if stub.pid not in self._leaving:
                    self._suspects[stub] = time.monotonic()
            return self._convict(), False

    def _convict(self) -> list[Stub]:
        """Triton waits for a stub that it ends itself; one that died stays a zombie."""
        dead = []
        for stub, since in list(self._suspects.items()):
            code = exit_code(stub.pid)
            is_orderly = code is None
            is_sure = bool(code) or time.monotonic() - since > _ORDERLY_SECONDS
            if is_orderly or is_sure:
                del self._suspects[stub]
            if is_sure and not is_orderly:
                dead.append(stub)
        return dead

    def stop(self) -> None:
        """End `run` soon."""
        self._stopping = True
        self._wake_up()

    def _wake_up(self) -> None:
        with self._lock, suppress(BlockingIOError):  # full: then it wakes anyway
            if self._is_open:
                os.write(self._wake, b"!")


def _has_ended(pidfd: int) -> bool:
    """Asked again under the lock: a number that poll found may mean another process by then."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))
