"""One decoder as the stub sees it: its socket, its memory, its clock."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from python_backends.image_preprocess.decode_channel import (
    ANSWER_BYTES,
    HELLO,
    REQUEST,
    PictureMemory,
)

_READY_SECONDS: Final = 20.0  # a cold disk is slow to give a Python and its packages
_GONE_MS: Final = 1000


class DecoderLost(OSError):
    """The process has ended, or says what it never should."""


class Decoder:
    """A forked process that decodes one picture at a time.

    Args:
        link: The socket to it.
        memory: What is shared with it.
    """

    def __init__(self, link: socket.socket, memory: PictureMemory) -> None:
        self._link = link
        self._memory = memory
        self._pid = 0
        self._pidfd = -1

    def fileno(self) -> int:
        """The socket's; readable when there is an answer, and when the process has ended."""
        return self._link.fileno()

    def wait_until_ready(self) -> None:
        """Wait for the first word of a new one; an older one has said it.

        Raises:
            OSError: it ended first, or says nothing.
        """
        if self._pid:
            return
        self._link.settimeout(_READY_SECONDS)
        hello = self._link.recv(HELLO.size)
        if len(hello) != HELLO.size:
            raise DecoderLost("it ended while it started")
        self._link.settimeout(None)
        (self._pid,) = HELLO.unpack(hello)
        # A number can be another process's tomorrow; this one is always ours.
        self._pidfd = os.pidfd_open(self._pid)

    def begin(self, encoded: bytes) -> None:
        """Give it one encoded picture.

        Raises:
            OSError: the process has gone.
        """
        self.wait_until_ready()
        self._memory.write_input(encoded)
        self._link.send(REQUEST.pack(len(encoded)))

    def finish(self, pixels: NDArray[np.uint8]) -> tuple[int, str]:
        """Take its answer.

        Args:
            pixels: [H, W, 3], uint8, where the result goes; untouched if there is none.

        Returns:
            The Status, and what it complains of: empty but for a fault that may be ours.

        Raises:
            OSError: the process has gone.
        """
        answer = self._link.recv(ANSWER_BYTES)
        if not answer:
            raise DecoderLost("it ended")
        if answer[0] == 0:
            self._memory.read_pixels(pixels)
        self._memory.forget_large_input()
        return answer[0], answer[1:].decode(errors="replace")

    @property
    def has_begun(self) -> bool:
        """Whether it has looked at the picture that it was given."""
        return self._memory.is_begun

    def cpu_seconds(self) -> float:
        """The CPU time that it has used so far; what it waits for a busy processor is not in it.

        Source: MAKE_PROCESS_CPUCLOCK in linux/posix-timers.h, kind 2 (CPUCLOCK_SCHED).
        """
        with contextlib.suppress(OSError):
            return time.clock_gettime((~self._pid << 3) | 2)
        return 0.0

    @property
    def is_asleep(self) -> bool:
        """Whether it neither runs nor waits for a processor or a disk: sleeping, or stopped."""
        try:
            stat = Path(f"/proc/{self._pid}/stat").read_text()
        except OSError:
            return True
        return stat.rpartition(")")[2].split()[0] not in {"R", "D"}

    def close(self) -> None:
        """End it, whatever it does, and give back what was shared with it."""
        self._link.close()
        self._memory.close()
        if self._pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            gone = select.poll()
            gone.register(self._pidfd, select.POLLIN)
            gone.poll(_GONE_MS)
            os.close(self._pidfd)
