"""A container with no right that it does not need, run by podman and gone afterwards."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

# As deploy/compose.yaml has it, but for the network: here all share this machine's loopback.
_HARDENED: Final = (
    "--read-only",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--network=host",
)
# podman's own limits are more than a machine without CAP_SYS_RESOURCE may give.
_LIMITS: Final = ("--ulimit=nofile=4096:4096", "--ulimit=nproc=4096:4096")
# podman's default, crun, refuses a machine that has control groups of both versions.
_RUNTIME: Final = "--runtime=runc"
_PAUSE_SECONDS: Final = 0.2


@dataclass(frozen=True)
class Container:
    """One that was started, and where it answers."""

    name: str
    url: str

    def inside(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it."""
        return podman("exec", self.name, *command, check=False)

    def inspected(self, part: str) -> dict[str, Any]:
        """What podman knows of it: "State" or "Config"."""
        (told,) = json.loads(podman("inspect", self.name).stdout)
        found: dict[str, Any] = told[part]
        return found

    def logs(self) -> str:
        """All that it wrote."""
        done = podman("logs", self.name, check=False)
        return done.stdout + done.stderr

    def wait_until(self, path: str, seconds: float) -> float:
        """Wait until it answers 200 there; returns how long that took."""
        began = time.monotonic()
        while not _answers(self.url + path):
            assert self.inspected("State")["Running"], self.logs()[-4000:]
            assert time.monotonic() - began < seconds, self.logs()[-4000:]
            time.sleep(_PAUSE_SECONDS)
        return time.monotonic() - began

    def stop(self, grace_seconds: int) -> int:
        """Tell it to end; returns its exit code, 137 where it had to be killed."""
        podman("stop", "--time", str(grace_seconds), self.name)
        return int(self.inspected("State")["ExitCode"])


def podman(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run podman; with `check` its refusal is an error that tells what it said."""
    command = ["podman", _RUNTIME, *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done


def podman_run(*arguments: str) -> str:
    """Run a container of an image that is here; returns what podman wrote."""
    return podman("run", "--pull=never", *_LIMITS, *arguments).stdout


@contextmanager
def running(
    image: str,
    port: int,
    variables: Mapping[str, object],
    volumes: Mapping[Path, str],
    *options: str,
    command: Sequence[str] = (),
) -> Iterator[Container]:
    """Run a container in the background, and remove it at the end.

    Args:
        image: What it runs.
        port: Where it answers.
        variables: Its settings.
        volumes: Folder here -> folder in the container, with `:ro` or without.
        options: More options of `podman run`.
        command: What it runs in place of the image's own.
    """
    name = f"triptych-test-{Path(image).name}-{port}"
    settings = [f"--env={key}={value}" for key, value in variables.items()]
    mounts = [f"--volume={here}:{there}" for here, there in volumes.items()]
    podman_run(
        *("--detach", f"--name={name}", *_HARDENED, *options, *settings, *mounts), image, *command
    )
    try:
        yield Container(name, f"http://127.0.0.1:{port}")
    finally:
        podman("rm", "--force", "--time=5", name, check=False)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2.0, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
