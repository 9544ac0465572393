"""`python -m gateway` as a process of its own, on a free loopback port."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from triptych.stack.ports import free_ports

_START_SECONDS: Final = 60.0


@dataclass(frozen=True)
class GatewayProcess:
    """One gateway; it may not answer yet."""

    process: subprocess.Popen[bytes]
    url: str
    state_dir: Path
    log: Path

    @property
    def admin(self) -> dict[str, str]:
        """Headers with the operator's first key."""
        return {"X-API-Key": (self.state_dir / "admin.key").read_text().strip()}

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(self.log.read_text())
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", trust_env=False).is_success
        except httpx.TransportError:
            return False


@contextmanager
def gateway_process(state_dir: Path, log: Path, **settings: str) -> Iterator[GatewayProcess]:
    """Start a gateway and end it; keywords are GATEWAY_ variables in lower case.

    No Triton and no supervisor stand behind it unless the settings say where.
    """
    (port,) = free_ports(1)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("GATEWAY_")}
    nobody = {"supervisor_urls": "http://127.0.0.1:1", "triton_urls": "127.0.0.1:1"}
    wanted = {**nobody, **settings, "port": str(port), "state_dir": str(state_dir)}
    variables = {f"GATEWAY_{name.upper()}": value for name, value in wanted.items()}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway"], env=inherited | variables, stderr=stream
        )
    try:
        yield GatewayProcess(process, f"http://127.0.0.1:{port}", state_dir, log)
    finally:
        process.terminate()
        process.wait(30)
