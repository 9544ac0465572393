"""A real Redis on a free loopback port that keeps nothing on disk, ended with the test."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from triptych.stack.ports import free_ports

_START_SECONDS: Final = 15.0


class RealRedis:
    """One server that may be ended and started again on the same port.

    Args:
        port: On 127.0.0.1.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is, as people write it."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, empty, and wait until it answers."""
        program = shutil.which("redis-server")
        assert program, "no redis-server: make setup-test"
        nothing_kept = ("--save", "", "--appendonly", "no")
        where = ("--bind", "127.0.0.1", "--port", str(self.port), *nothing_kept)
        self._process = subprocess.Popen([program, *where], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, "redis-server has ended"
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_START_SECONDS)
            self._process = None

    def pause(self) -> None:
        """Stop answering, without closing any connection."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Answer again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


@contextmanager
def running_redis() -> Iterator[RealRedis]:
    """Run a fresh server."""
    (port,) = free_ports(1)
    server = RealRedis(port)
    try:
        server.start()
        yield server
    finally:
        server.kill()
