"""One supervised Triton of one's own without gateway, and eight clients that never pause."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from python_backends.shared.contract import Task
from tests import pictures
from triptych.client.triton import TritonConnection
from triptych.errors import CallFailed
from triptych.stack.ports import free_ports
from triptych.stack.shared_memory import region_prefix
from triptych.supervisor.stub_processes import Stub, find_stubs

PROJECT = Path(__file__).resolve().parents[2]
STARTED_SECONDS = 60.0


@dataclass
class Supervised:
    """The supervisor's process and where it answers."""

    process: subprocess.Popen[bytes]
    url: str
    grpc: str
    state_dir: Path
    log: Path

    def status(self) -> dict[str, Any]:
        answer = httpx.get(f"{self.url}/status", trust_env=False, timeout=10)
        return dict(answer.json())

    def post(self, path: str) -> httpx.Response:
        return httpx.post(f"{self.url}{path}", trust_env=False, timeout=60)

    def triton_pid(self) -> int:
        return int(self.status()["triton"]["pid"])

    def stub(self, model: str) -> Stub:
        (found,) = [it for it in find_stubs(self.triton_pid()) if it.model == model]
        return found

    def is_ready(self) -> bool:
        return self.status()["ready"] is True

    def wait(self, is_so: Callable[[], bool], what: str, seconds: float = 20.0) -> float:
        """Wait for it; the seconds that it took."""
        started = time.monotonic()
        while not is_so():
            assert self.process.poll() is None, f"the supervisor ended: {self.log.read_text()}"
            waited = time.monotonic() - started
            assert waited < seconds, f"no {what} in {seconds} s: {self.status()}"
            time.sleep(0.01)
        return time.monotonic() - started

    def regions(self) -> list[str]:
        shm = Path("/dev/shm")  # noqa: S108 - where Triton puts them
        return [it.name for it in shm.glob(f"{region_prefix(self.state_dir)}*")]


@contextmanager
def supervised(folder: Path, repository: Path, **settings: object) -> Iterator[Supervised]:
    """Run `triptych triton` until the end of the block; it must end in order and leave nothing."""
    http, grpc, metrics, own = free_ports(4)
    given = {
        "state_dir": folder / "state",
        "model_repository": repository,
        "triton_http_port": http,
        "triton_grpc_port": grpc,
        "triton_metrics_port": metrics,
        "supervisor_port": own,
        **settings,
    }
    environment = {f"TRIPTYCH_{name.upper()}": str(value) for name, value in given.items()}
    log = folder / "supervisor.log"
    process = _start(environment, log)
    url = f"http://127.0.0.1:{own}"
    running = Supervised(process, url, f"127.0.0.1:{grpc}", folder / "state", log)
    try:
        running.wait(lambda: answers(url), "start", STARTED_SECONDS)
        yield running
    finally:
        _end(process)
    assert running.regions() == []


def _start(environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", "triptych", "triton"],
            env={**os.environ, **environment},
            cwd=PROJECT,
            stdout=stream,
            stderr=stream,
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    left = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)  # the second one changes nothing
    try:
        assert process.wait(30) == 0
        assert [child for child in left if is_alive(child)] == []
    finally:
        process.kill()
        for child in left:
            with suppress(psutil.NoSuchProcess):
                child.kill()


def is_alive(child: psutil.Process) -> bool:
    """A zombie whose parent is gone is not: whoever adopts it may take a second to look."""
    try:
        return child.is_running() and child.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


@dataclass
class Load:
    """What clients saw."""

    ok: int = 0
    wrong: int = 0
    failed: Counter[str] = field(default_factory=Counter)


@contextmanager
def eight_clients(address: str, release: str = "digits_r1") -> Iterator[Load]:
    """Ask a release of digits from eight threads, each as soon as it is answered."""
    load, stop = Load(), threading.Event()
    lock = threading.Lock()

    def ask() -> None:
        with TritonConnection(address) as connection:
            while not stop.is_set():
                outcome = _ask_once(connection, release)
                with lock:
                    load.ok += outcome == "7"
                    load.wrong += outcome not in {"7", "failed"}
                    load.failed[outcome] += outcome == "failed"
                if outcome == "failed":
                    stop.wait(0.05)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _ask_once(connection: TritonConnection, release: str) -> str:
    try:
        (answer,) = connection.classify(
            release, Task.IMAGE_CLASSIFICATION, [pictures.seven_jpeg()], 10
        )
    except CallFailed:
        return "failed"
    return answer.labels[0]
