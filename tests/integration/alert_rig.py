"""A stack that may be hurt, under load, and a Prometheus whose clock of alerts runs fast."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
import pytest

from benchmarks.local_stack import LocalStack, local_stack
from tests.faults.brittle_release import repository_with_a_brittle_step
from tests.faults.faults_of_machine import PRIVATE_SHARED_MEMORY
from tests.faulty_candidates import marked_seven, write_faulty
from tests.integration.test_releases_command import write_like_digits
from tests.pictures import seven_jpeg
from tests.real_prometheus import MONITORING, RealPrometheus, addresses, running_prometheus
from triptych.release import sha256
from triptych.stack.ports import free_ports

# What takes days in production takes a minute here; which window is longer than which stays.
_WINDOWS: Final = {"3d": "60s", "6h": "50s", "1h": "40s", "30m": "20s", "5m": "6s"}
WRONG, SLOW, UNBATCHED, BROKEN, LIKE = (f"digits_r{number}" for number in (2, 3, 4, 5, 6))
_COMMAND_SECONDS: Final = 180.0


def hurried(rules: str) -> str:
    """The rules with short windows and hardly a wait."""
    for window, short in _WINDOWS.items():
        rules = rules.replace(f"[{window}]", f"[{short}]")
    rules = re.sub(r"\bfor: \w+", "for: 1s", rules)
    return rules.replace("< 3600", "< 30").replace("> 300", "> 5").replace("> 600", "> 5")


@dataclass
class Rig:
    """What drills hurt."""

    stack: LocalStack
    prometheus: RealPrometheus
    repository: Path
    clients: list[threading.Event] = field(default_factory=list)
    stranger: str = ""
    """The key of somebody who does harm."""

    def call(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """Administer; it must succeed."""
        headers = {"X-API-Key": self.stack.admin_key, "If-Match": "*"}
        url = f"{self.stack.gateway_url}{path}"
        answer = httpx.request(
            method, url, json=body or None, headers=headers, timeout=120, trust_env=False
        )
        assert answer.is_success, answer.text
        return dict(answer.json()) if answer.content else {}

    def hand_in_a_job(self) -> None:
        """One picture."""
        url, headers = f"{self.stack.gateway_url}/v1/jobs", {"X-API-Key": self.stack.admin_key}
        files = {"file": ("seven.jpg", seven_jpeg())}
        answer = httpx.post(
            url, params={"alias": "digits"}, files=files, headers=headers, trust_env=False
        )
        assert answer.status_code == HTTPStatus.ACCEPTED, answer.text

    def triptych(self, *words: str) -> str:
        """Run the command as the runbook writes it; it must succeed."""
        command = [sys.executable, "-m", "triptych", *words]
        done = subprocess.run(
            [*command, "--state-dir", str(self.stack.state_dir)],
            check=False,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
        )
        assert done.returncode == 0, f"triptych {' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def route(self, release: str, shadow: str | None = None) -> None:
        """Let digits mean this one."""
        told = {"release": shadow, "percent": 100} if shadow else None
        arms = [{"release": release, "weight": 100}]
        self.call("PUT", "/v1/routes/digits", arms=arms, shadow=told)

    def arm(self) -> str:
        """Which release digits means."""
        (arm,) = self.call("GET", "/v1/routes/digits")["arms"]
        return str(arm["release"])

    def load(self, release: str) -> None:
        """Have every Triton load it."""
        self.call("POST", f"/v1/admin/releases/{release}/load")

    def status(self) -> dict[str, Any]:
        """What the supervisor says; nothing where it does not answer."""
        with suppress(httpx.HTTPError):
            url = f"{self.stack.triton['supervisor']}/status"
            return dict(httpx.get(url, trust_env=False, timeout=2).json())
        return {}

    def is_well(self) -> bool:
        """Whether requests get answers."""
        with suppress(httpx.HTTPError):
            url = f"{self.stack.gateway_url}/readyz"
            return httpx.get(url, trust_env=False, timeout=2).status_code == 200
        return False

    def processes(self, mark: str) -> list[psutil.Process]:
        """Those of the stack with this in their command line."""
        up = psutil.Process(int(self.stack.description["pid"]))
        found = []
        for process in up.children(recursive=True):
            with suppress(psutil.Error):
                if mark in " ".join(process.cmdline()):
                    found.append(process)
        return found

    @property
    def shared_memory(self) -> Path:
        """Its own /dev/shm, as the kernel shows it to `up`."""
        return Path("/proc", str(self.stack.description["pid"]), "root", "dev", "shm")

    def ask(
        self, clients: int, once: Callable[[httpx.Client], object], pause_seconds: float = 0
    ) -> None:
        """Have so many clients do something again and again, until `hush`."""
        over = threading.Event()
        self.clients.append(over)

        def run() -> None:
            headers = {"X-API-Key": self.stack.admin_key}
            where = self.stack.gateway_url
            with httpx.Client(
                base_url=where, headers=headers, timeout=30, trust_env=False
            ) as client:
                while not over.is_set():
                    try:
                        once(client)
                        over.wait(pause_seconds)
                    except httpx.HTTPError:
                        over.wait(0.2)

        for _ in range(clients):
            threading.Thread(target=run, daemon=True).start()

    def hush(self) -> None:
        """End the clients that came last."""
        self.clients.pop().set()


def predict(client: httpx.Client) -> None:
    """Ask about a picture that bears the mark of the wrong release, every other time."""
    for image in _IMAGES:
        client.post("/v1/predict/digits", content=image, headers={"Content-Type": "image/jpeg"})


_IMAGES: Final = (marked_seven(), marked_seven())


@contextmanager
def alert_rig(folder: Path) -> Iterator[Rig]:
    """Run it until the end of the block."""
    repository = repository_with_a_brittle_step(folder / "models")
    _write_releases(repository)
    rules = folder / "rules.yml"
    rules.write_text(hurried((MONITORING / "rules.yml").read_text()))
    (port,) = free_ports(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATEWAY_METRICS_PORT", str(port))
        patch.setenv("GATEWAY_MAX_IN_FLIGHT", "4")
        python = _python_with_its_own_shared_memory(folder)
        with (
            local_stack(folder / "state", repository, "--no-ui", python=python) as stack,
            running_prometheus(folder / "prometheus", rules, addresses(stack, port)) as prometheus,
        ):
            rig = Rig(stack, prometheus, repository)
            rig.route("digits_r1")
            rig.ask(2, predict)
            try:
                yield rig
            finally:
                while rig.clients:
                    rig.hush()


def _python_with_its_own_shared_memory(folder: Path) -> Path:
    script = folder / "python"
    words = " ".join(f"'{word}'" for word in PRIVATE_SHARED_MEMORY)
    script.write_text(f"#!/bin/sh\nexec {words} '{sys.executable}' \"$@\"\n")
    script.chmod(0o755)
    return script


def _write_releases(repository: Path) -> None:
    """Those that are worse than the first; they are loaded when their turn comes."""
    write_faulty(repository, 2, "wrong")
    write_faulty(repository, 3, "slow", slow_ms=1300)
    write_faulty(repository, 4, "slow", slow_ms=150)  # so that direct clients wait
    _take_batching_away(repository, UNBATCHED)
    write_like_digits(repository, "digits", 6)


def break_release(repository: Path) -> None:
    """Write one that no Triton takes: its file is not the one that release.json hashed."""
    write_like_digits(repository, "digits", 5)
    (repository / f"{BROKEN}_model" / "1" / "model.onnx").write_bytes(os.urandom(64))


def _take_batching_away(repository: Path, release: str) -> None:
    config = repository / f"{release}_model" / "config.pbtxt"
    config.write_text(re.sub(r"dynamic_batching \{ *\}", "", config.read_text()))
    certificate = repository / release / "release.json"
    body = json.loads(certificate.read_text())
    body["artifacts"][str(config.relative_to(repository))] = sha256(config)
    certificate.write_text(json.dumps(body, indent=2))
