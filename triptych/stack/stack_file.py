"""<state>/stack.json: what runs where. Written once a real image got its right answer.

`up` writes it again whenever a part has been started again, so that its pids are true.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from triptych.errors import NotRunning

_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class TritonEntry:
    """One Triton; `pid` is tritonserver's own, and `restarts` counts its supervisor's."""

    http: str | None
    grpc: str
    metrics: str
    supervisor: str
    pid: int
    supervisor_pid: int = 0
    restarts: int = 0


@dataclass(frozen=True)
class ServiceEntry:
    """A process that answers HTTP; `restarts` tells how often it had to be started again."""

    url: str
    pid: int
    restarts: int = 0


@dataclass(frozen=True)
class ProcessEntry:
    """A process that answers nobody."""

    pid: int
    restarts: int = 0


@dataclass(frozen=True)
class StackFile:
    """The running stack; `pid` is that of `triptych up`, which owns the rest."""

    pid: int
    started: float
    tritons: tuple[TritonEntry, ...]
    gateway: ServiceEntry
    ui: ServiceEntry | None
    worker: ProcessEntry | None = None

    def write(self, state_dir: Path) -> None:
        """Write it whole, so that no reader and no crash ever sees half of it."""
        body = {**asdict(self), "triton": asdict(self.tritons[0])}
        scratch = _path(state_dir).with_suffix(".tmp")
        scratch.write_text(json.dumps(body, indent=2) + "\n")
        scratch.replace(_path(state_dir))

    def is_alive(self) -> bool:
        """Whether that very process still runs; a pid alone may belong to another one by now."""
        return seconds_at_start(self.pid) == self.started


def seconds_at_start(pid: int) -> float | None:
    """When a process was started, in seconds since the machine was; None: there is none.

    psutil tells it by the clock on the wall, so that it changes whenever somebody sets that.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name stands in brackets and may hold anything, brackets too.
    return int(text.rpartition(")")[2].split()[19]) / _TICKS_PER_SECOND


def _path(state_dir: Path) -> Path:
    return state_dir / "stack.json"


def read_stack(state_dir: Path) -> StackFile:
    """Read what runs.

    Raises:
        NotRunning: nothing does, as far as this state folder knows.
    """
    try:
        body = json.loads(_path(state_dir).read_text())
        stack = StackFile(
            pid=body["pid"],
            started=body["started"],
            tritons=tuple(TritonEntry(**entry) for entry in body["tritons"]),
            gateway=ServiceEntry(**body["gateway"]),
            ui=ServiceEntry(**body["ui"]) if body["ui"] else None,
            worker=ProcessEntry(**body["worker"]) if body.get("worker") else None,
        )
    except FileNotFoundError as exc:
        raise NotRunning(f"No stack runs in {state_dir}; start one with: triptych up") from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise NotRunning(f"{_path(state_dir)} cannot be read: {exc!r}") from exc
    if not stack.is_alive():
        raise NotRunning(f"The stack in {state_dir} ended without saying so; start it again.")
    return stack


def remove_stack_file(state_dir: Path) -> None:
    """Say that nothing runs any more."""
    _path(state_dir).unlink(missing_ok=True)
