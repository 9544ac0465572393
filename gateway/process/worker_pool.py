"""The parent of the workers: it holds the socket, starts them, starts them again, replaces them.

It answers nothing itself and imports little, so that hardly anything can happen to it.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

logger = logging.getLogger(__name__)

# What parent and worker say to each other; a parent that is gone says nothing.
SERVING: Final = b"s"  # said again and again: whose event loop hangs says it no more
STOP: Final = b"x"
RETIRE: Final = b"r"

# Who lived so long is started again at once; who ends again and again has to wait.
_LONG_LIFE_SECONDS: Final = 10.0
_LONGEST_PAUSE_SECONDS: Final = 30.0
# Many times what the largest body or a busy machine can hold an event loop up for.
_HUNG_SECONDS: Final = 30.0
_TICK_SECONDS: Final = 0.5
_PAUSE_SECONDS: Final = 2.0
_SLACK_SECONDS: Final = 5.0


@dataclass(eq=False)
class Worker:
    """One process that answers."""

    process: subprocess.Popen[bytes]
    channel: socket.socket
    started: float = field(default_factory=time.monotonic)
    is_serving: bool = False
    heard: float = 0.0
    ends_by: float | None = None  # set once it was told to end

    def tell(self, command: bytes, patience_seconds: float) -> None:
        """Say something; it has to have ended in so many seconds."""
        self.ends_by = time.monotonic() + patience_seconds
        try:
            self.channel.send(command)
        except OSError:  # it is ending already
            return
        if not self.is_serving:  # it does not listen yet
            self.process.terminate()


class WorkerPool:
    """Keeps a number of workers serving until it is told to stop.

    Args:
        count: How many.
        command: Of a worker; the descriptor of its channel and `descriptors` come behind it.
        descriptors: Comma separated lists of what it inherits, one argument each.
        variables: Of its environment, besides those of this process.
        shutdown_seconds: How long one may take to finish.
        on_end: Is told the pid of each that is gone.
    """

    def __init__(
        self,
        count: int,
        command: Sequence[str],
        *,
        descriptors: Sequence[str],
        variables: Mapping[str, str],
        shutdown_seconds: float,
        on_end: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._count = count
        self._command = command
        self._descriptors = descriptors
        self._environment = {**os.environ, **variables}
        self._patience_seconds = shutdown_seconds + _SLACK_SECONDS
        self._on_end = on_end
        self._workers: list[Worker] = []
        self._to_replace: list[Worker] = []
        self._successor: Worker | None = None
        self._has_served = False
        self._quick_ends = 0
        self._not_before = 0.0
        self._exit_code: int | None = None  # set once all have to end
        self._signals: list[int] = []
        self._wakeup = socket.socketpair()

    def run(self) -> int:
        """Start the workers and watch over them; gives the exit code."""
        self._listen_to_signals()
        try:
            return self._watch_over()
        finally:
            signal.set_wakeup_fd(-1)
            for end in self._wakeup:
                end.close()

    def _watch_over(self) -> int:
        while self._exit_code is None or self._workers:
            if self._exit_code is None:
                self._replace_next()
                self._fill_up()
            self._wait()
            self._obey_signals()
            for worker in list(self._workers):
                self._look_at(worker)
        return self._exit_code

    def _listen_to_signals(self) -> None:
        for end in self._wakeup:
            end.setblocking(False)
        signal.set_wakeup_fd(self._wakeup[1].fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.hear)

    def hear(self, number: int, _frame: FrameType | None = None) -> None:
        """Take a signal, as the kernel brings it: SIGHUP replaces all workers, others end them."""
        self._signals.append(number)

    def _wait(self) -> None:
        channels = [it.channel for it in self._workers]
        ready, _, _ = select.select([self._wakeup[0], *channels], [], [], _TICK_SECONDS)
        if self._wakeup[0] in ready:
            self._wakeup[0].recv(4096)

    def _obey_signals(self) -> None:
        while self._signals:
            number = self._signals.pop(0)
            if number == signal.SIGHUP and self._exit_code is None:
                logger.info("replacing %d workers", len(self._workers))
                self._to_replace = [it for it in self._workers if it.ends_by is None]
            elif number == signal.SIGINT and self._exit_code is not None:
                for worker in self._workers:  # Ctrl-C twice: somebody is in a hurry
                    worker.process.kill()
            elif number != signal.SIGHUP and self._exit_code is None:
                self._end_all(0)

    def _end_all(self, exit_code: int) -> None:
        self._exit_code = exit_code
        for worker in self._workers:
            worker.tell(STOP, self._patience_seconds)

    def _replace_next(self) -> None:
        """Start one, wait until it serves, let an old one go; then the next."""
        if not self._to_replace:
            self._successor = None
        elif self._successor is None:
            self._successor = self._start()
            if self._successor is None:
                self._to_replace = []
        elif self._successor not in self._workers:
            logger.error("a new worker did not come up; the old ones stay")
            self._to_replace, self._successor = [], None
        elif self._successor.is_serving:
            self._to_replace.pop(0).tell(RETIRE, self._patience_seconds)
            self._successor = None

    def _fill_up(self) -> None:
        staying = [it for it in self._workers if it.ends_by is None and it is not self._successor]
        for _ in range(self._count - len(staying)):
            if time.monotonic() >= self._not_before:
                self._start()

    def _start(self) -> Worker | None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            process = self._spawn(theirs)
        except OSError:  # no memory, no process: it may be otherwise in a moment
            logger.exception("a worker cannot be started")
            self._not_before = time.monotonic() + _PAUSE_SECONDS
            ours.close()
            return None
        finally:
            theirs.close()
        worker = Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _spawn(self, channel: socket.socket) -> subprocess.Popen[bytes]:
        listeners = [int(it) for them in self._descriptors for it in them.split(",") if it]
        return subprocess.Popen(
            [*self._command, str(channel.fileno()), *self._descriptors],
            env=self._environment,
            pass_fds=[channel.fileno(), *listeners],
        )

    def _look_at(self, worker: Worker) -> None:
        try:
            if SERVING in worker.channel.recv(4096):
                worker.is_serving = self._has_served = True
                worker.heard = time.monotonic()
        except BlockingIOError:
            pass
        except OSError:
            logger.debug("the channel of worker %d broke", worker.process.pid)
        exit_code = worker.process.poll()
        if exit_code is not None:
            self._bury(worker, exit_code)
        elif worker.ends_by is not None and time.monotonic() > worker.ends_by:
            worker.process.kill()
        elif worker.is_serving and time.monotonic() - worker.heard > _HUNG_SECONDS:
            logger.error("worker %d hangs and is killed", worker.process.pid)
            worker.process.kill()

    def _bury(self, worker: Worker, exit_code: int) -> None:
        worker.channel.close()
        self._workers.remove(worker)
        if worker in self._to_replace:
            self._to_replace.remove(worker)
        self._on_end(worker.process.pid)
        if worker.ends_by is not None or self._exit_code is not None:
            return
        if exit_code > 0 and not self._has_served:
            self._end_all(exit_code)  # it has said why, and another one would say the same
            return
        lived = time.monotonic() - worker.started
        self._quick_ends = self._quick_ends + 1 if lived < _LONG_LIFE_SECONDS else 0
        pause = min(2.0 ** (self._quick_ends - 2), _LONGEST_PAUSE_SECONDS)
        self._not_before = time.monotonic() + (pause if self._quick_ends > 1 else 0)
        logger.error("worker %d ended with exit code %d", worker.process.pid, exit_code)
