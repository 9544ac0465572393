"""A whole stack in the foreground, and which of its processes is which."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from tests.faults.known_answers import Question, golden_question
from tests.faults.processes import MARK, Member, marked
from triptych.release import find_releases, read_release

PROJECT: Final = Path(__file__).resolve().parents[2]
START_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 60.0
_TRITON_PORTS: Final = ("triton-http", "triton-grpc", "triton-metrics", "supervisor")


class FaultStack:
    """One `triptych up` that a test may hurt."""

    def __init__(
        self, up: subprocess.Popen[bytes], state_dir: Path, repository: Path, mark: str
    ) -> None:
        self.up = up
        self.state_dir = state_dir
        self.repository = repository
        self._mark = mark
        self.description: dict[str, Any] = json.loads((state_dir / "stack.json").read_text())
        self.gateway_url = str(self.description["gateway"]["url"])
        self.key = (state_dir / "admin.key").read_text().strip()
        self.other_key = self.new_key()
        self.http = httpx.Client(timeout=20, trust_env=False)
        self.golden: list[Question] = [
            golden_question(read_release(repository, name)) for name in find_releases(repository)
        ]

    def new_key(self) -> str:
        """A key of its own for whoever is no part of the load; all workers know it in a second."""
        url, headers = f"{self.gateway_url}/v1/admin/keys", {"X-API-Key": self.key}
        body = {"name": "other", "scopes": ["predict"]}
        made = httpx.post(url, json=body, headers=headers, timeout=10, trust_env=False)
        return str(made.raise_for_status().json()["key"])

    @property
    def shared_memory(self) -> Path:
        """Its /dev/shm, which may be one of its own: as the kernel shows it to `up`."""
        return Path("/proc", str(self.up.pid), "root", "dev", "shm")

    @property
    def tritons(self) -> int:
        """How many Tritons there are."""
        return len(self.description["tritons"])

    def supervisor_url(self, triton: int) -> str:
        """Where the supervisor of a Triton answers."""
        return str(self.description["tritons"][triton]["supervisor"])

    def status(self, triton: int) -> dict[str, Any]:
        """What a supervisor says; nothing where it does not answer."""
        with suppress(httpx.HTTPError, ValueError):
            found: dict[str, Any] = self.http.get(
                f"{self.supervisor_url(triton)}/status", timeout=2.0
            ).json()
            return found
        return {}

    def is_ready(self, *, or_restarting: bool = False) -> bool:
        """Whether every supervisor says that its golden inputs got their golden answers."""
        states = [self.status(triton) for triton in range(self.tritons)]
        planned = {"draining", "restarting"} if or_restarting else set[str]()
        return all(state.get("ready") or state.get("phase") in planned for state in states)

    def answers(self) -> bool:
        """Whether a golden input of each release gets its answer through the gateway, now."""
        return all(self._is_answered(question) for question in self.golden)

    def _is_answered(self, question: Question) -> bool:
        headers = {**question.headers, "X-API-Key": self.key}
        url = f"{self.gateway_url}{question.path}"
        try:
            answer = httpx.post(
                url, content=question.body, headers=headers, timeout=10, trust_env=False
            )
        except httpx.HTTPError:
            return False
        return answer.status_code == 200 and not question.complaint(200, answer.content)

    def members(self) -> list[Member]:
        """Every process that descends from this start, also one whose parent is gone."""
        return marked(self._mark)

    def one(self, role: str, triton: int | None = None, model: str | None = None) -> psutil.Process:
        """The one process of a role; of several, the oldest.

        Raises:
            AssertionError: there is none.
        """
        found = self.all(role, triton, model)
        assert found, f"no {role} {triton} {model}"
        return min(found, key=lambda process: float(process.create_time()))

    def all(
        self, role: str, triton: int | None = None, model: str | None = None
    ) -> list[psutil.Process]:
        """The processes of a role."""
        return [
            member.process
            for member in self.members()
            if member.role == role
            and triton in {None, member.triton}
            and model in {None, member.model}
        ]

    def zombies(self) -> list[psutil.Process]:
        """Ended children of this stack that nobody has waited for."""
        up = psutil.Process(self.up.pid)
        found = []
        for process in up.children(recursive=True):
            with suppress(psutil.Error):
                if process.status() == psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `triptych ARGUMENTS --state-dir` of this stack to its end."""
        return subprocess.run(
            [sys.executable, "-m", "triptych", *arguments, "--state-dir", str(self.state_dir)],
            cwd=PROJECT,
            check=False,
            capture_output=True,
            text=True,
            timeout=_STOP_SECONDS,
        )


def free_base_ports(tritons: int) -> dict[str, int]:
    """Ports for `--NAME-port`; those of Triton i, which lie 10·i further, are free too."""
    for base in range(20_000 + os.getpid() % 8000, 60_000, 97):
        bases = {name: base + 2 + number for number, name in enumerate(_TRITON_PORTS)}
        more = {"gateway": base, "ui": base + 1}
        wanted = [port + 10 * i for port in bases.values() for i in range(tritons)]
        with ExitStack() as held, suppress(OSError):
            for port in (*wanted, *more.values()):
                probe = held.enter_context(socket.socket())
                probe.bind(("127.0.0.1", port))
            return {**bases, **more}
    raise AssertionError("no free ports")


@contextmanager
def fault_stack(
    folder: Path,
    repository: Path,
    *options: str,
    tritons: int = 1,
    environment: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
) -> Iterator[FaultStack]:
    """Start `triptych up` and wait until it is up; end it, whatever happened to it.

    Args:
        folder: For state and logs.
        repository: The releases.
        options: Further ones of `up`.
        tritons: How many; the option is left out for one.
        environment: Further variables.
        prefix: A command that becomes the rest of its arguments.
    """
    state_dir, log_file, mark = folder / "state", folder / "up.log", uuid.uuid4().hex
    folder.mkdir(parents=True, exist_ok=True)
    ports = [
        part
        for name, port in free_base_ports(tritons).items()
        for part in (f"--{name}-port", str(port))
    ]
    where = ["--state-dir", str(state_dir), "--model-repository", str(repository)]
    several = ["--tritons", str(tritons)] if tritons > 1 else []
    command = [*prefix, sys.executable, "-m", "triptych", "up", *where, *ports, *several, *options]
    variables = {**os.environ, **(environment or {}), MARK: mark}
    with log_file.open("wb") as log:
        up = subprocess.Popen(command, cwd=PROJECT, env=variables, stdout=log, stderr=log)
    try:
        _wait_until_up(up, state_dir / "stack.json", log_file)
        stack = FaultStack(up, state_dir, repository, mark)
        with stack.http:
            yield stack
    finally:
        _end(up, mark)


def _wait_until_up(up: subprocess.Popen[bytes], stack_file: Path, log_file: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not stack_file.exists():
        assert up.poll() is None, f"the stack did not start: {log_file.read_text()}"
        assert time.monotonic() < deadline, f"not up in time: {log_file.read_text()}"
        time.sleep(0.05)


def _end(up: subprocess.Popen[bytes], mark: str) -> None:
    if up.poll() is None:
        up.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            up.wait(_STOP_SECONDS)
    left = [member.process for member in marked(mark)]
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    up.kill()
    up.wait()
    assert not left, f"left behind by `up`: {left}"
