"""A stack of one's own on free ports, for a measurement or a test, and gone afterwards."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from triptych.stack.ports import free_blocks, free_ports

_TRITON_PORTS: Final = (
    "--triton-http-port",
    "--triton-grpc-port",
    "--triton-metrics-port",
    "--supervisor-port",
)
_OTHER_PORTS: Final = ("--gateway-port", "--ui-port")
_PORTS_APART: Final = 10
_WORKER_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.1


@dataclass(frozen=True)
class LocalStack:
    """A running stack: its state folder and what its stack.json says."""

    state_dir: Path
    description: dict[str, Any]

    @property
    def triton(self) -> dict[str, Any]:
        """Addresses and pid of its Triton."""
        return dict(self.description["triton"])

    @property
    def tritons(self) -> list[dict[str, Any]]:
        """Addresses and pids of all of them."""
        return [dict(triton) for triton in self.description["tritons"]]

    @property
    def gateway_url(self) -> str:
        """Where its gateway answers."""
        return str(self.description["gateway"]["url"])

    @property
    def ui_url(self) -> str:
        """Where its UI answers, if it was started with one."""
        return str(self.description["ui"]["url"])

    @property
    def admin_key(self) -> str:
        """The operator's key."""
        return (self.state_dir / "admin.key").read_text().strip()

    def wait_for_worker(self) -> None:
        """It starts last, when the first answer was there already; what it costs would be counted.

        Raises:
            RuntimeError: it does not work.
        """
        log_file = self.state_dir / "logs" / "worker.log"
        deadline = time.monotonic() + _WORKER_SECONDS
        while "has the lease" not in log_file.read_text():
            if time.monotonic() > deadline:
                raise RuntimeError(f"the worker does not work; see {log_file}")
            time.sleep(_PAUSE_SECONDS)


@contextmanager
def local_stack(
    state_dir: Path, model_repository: Path, *options: str, python: str | Path = sys.executable
) -> Iterator[LocalStack]:
    """Run `triptych up --detach`, and `triptych down` at the end.

    Args:
        state_dir: Everything that the stack writes.
        model_repository: The releases.
        options: Further ones of `triptych up`, `--tritons 2` among them.
        python: Of the environment that serves, where that is not this one.

    Raises:
        RuntimeError: it did not start; the message is what it printed.
    """
    triptych = [str(python), "-m", "triptych"]
    where = ["--state-dir", str(state_dir)]
    repository = ["--model-repository", str(model_repository)]
    _start([*triptych, "up", "--detach", *where, *repository, *port_options(*options), *options])
    try:
        description = json.loads((state_dir / "stack.json").read_text())
        yield LocalStack(state_dir, description)
    finally:
        subprocess.run([*triptych, "down", *where], check=False, capture_output=True)


def _start(command: list[str]) -> None:
    """Run `up --detach`; who is told to leave meanwhile lets it take back what it has started."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.STDOUT, text=True) as process:
        try:
            said, _ = process.communicate()
        except BaseException:
            process.send_signal(signal.SIGINT)  # where subprocess.run would kill
            raise
    if process.returncode:
        raise RuntimeError(f"the stack did not start: {said}")


def port_options(*options: str) -> list[str]:
    """Free ports for `triptych up` with these options, as options of it.

    The ports of further Tritons lie 10 apart, so those must be free as well.
    """
    tritons = int(options[options.index("--tritons") + 1]) if "--tritons" in options else 1
    first = free_blocks(len(_TRITON_PORTS), tritons, _PORTS_APART)
    others = free_ports(len(_OTHER_PORTS), besides=range(first, first + tritons * _PORTS_APART))
    named = [
        *((option, first + place) for place, option in enumerate(_TRITON_PORTS)),
        *zip(_OTHER_PORTS, others, strict=True),
    ]
    return [part for option, port in named for part in (option, str(port))]
