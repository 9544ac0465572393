"""A real PostgreSQL on a free loopback port, in a folder of its own, ended with the test."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from triptych.stack.ports import free_ports

_DEBIAN: Final = Path("/usr/lib/postgresql")
_START_SECONDS: Final = 30.0
# The server refuses to be root; Debian's package makes this user.
_AS_POSTGRES: Final = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")


class RealPostgres:
    """One server; each test asks for an empty database in it.

    Args:
        folder: Data and log; belongs to the user that the server runs as.
        port: On 127.0.0.1.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)

    def new_database(self) -> str:
        """Make an empty database and give its URL as people write it."""
        name = f"test_{next(self._numbers)}"
        where = ("--host=127.0.0.1", f"--port={self.port}", "--username=postgres")
        subprocess.run([_binary("createdb"), *where, name], check=True)
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Start and wait until it takes connections."""
        settings = ("listen_addresses=127.0.0.1", f"unix_socket_directories={self._folder}")
        options = [part for it in (*settings, "fsync=off") for part in ("-c", it)]
        command = [_binary("postgres"), "-D", self._folder / "data", "-p", self.port, *options]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(_unprivileged(command), stdout=log, stderr=log)
        where = ("--quiet", "--host=127.0.0.1", f"--port={self.port}")
        deadline = time.monotonic() + _START_SECONDS
        while subprocess.run([_binary("pg_isready"), *where], check=False).returncode != 0:
            has_ended = self._process.poll() is not None
            if has_ended or time.monotonic() > deadline:
                raise AssertionError((self._folder / "log").read_text())
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server and every connection to it; data stays."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # "fast shutdown"
            self._process.wait(_START_SECONDS)
            self._process = None

    def pause(self) -> None:
        """Stop answering, without closing any connection."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Answer again."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: int) -> None:
        assert self._process is not None
        parent = self._process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        for pid in (parent, *map(int, children)):
            os.kill(pid, number)


def _binary(name: str) -> Path:
    found = sorted(_DEBIAN.glob(f"*/bin/{name}"))
    assert found, f"no PostgreSQL in {_DEBIAN}: make setup-test"
    return found[-1]


def _unprivileged(command: Sequence[object]) -> list[str]:
    prefix = _AS_POSTGRES if os.geteuid() == 0 else ()
    return [*prefix, *map(str, command)]


@contextmanager
def running_postgres() -> Iterator[RealPostgres]:
    """Run a fresh server; everybody on this machine's loopback may connect to it."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        command = [_binary("initdb"), "-D", folder / "data", "--auth=trust", "--no-sync"]
        subprocess.run(
            [*_unprivileged(command), "--username=postgres", "--locale=C.UTF-8"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
        )
        server = RealPostgres(folder, *free_ports(1))
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
