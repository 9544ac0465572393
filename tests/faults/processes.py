"""Which process of a stack is which, by its command line and the mark in its environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from triptych.stack.leftovers import MARK as PART_OF

# A variable that every descendant of a start inherits, also one whose parent is gone.
MARK: Final = "FAULT_SUITE_MARK"


@dataclass(frozen=True)
class Member:
    """One process of the stack.

    Attributes:
        role: up, supervisor, tritonserver, stub, decode, gateway, worker, ui or other.
        triton: Which Triton it belongs to, where it belongs to one.
        model: Of a stub.
    """

    process: psutil.Process
    role: str
    triton: int | None = None
    model: str | None = None


def marked(mark: str) -> list[Member]:
    """Every process with this mark in its environment."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            entries = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
            if f"{MARK}={mark}".encode() in entries:
                found.append(_member(process))
    return found


def _member(process: psutil.Process) -> Member:
    command, environment = process.cmdline(), process.environ()
    # Of what Triton starts, the mark alone says whose it is: it inherits no setting of ours.
    part = environment.get(PART_OF, "").rpartition("triton-")[2]
    triton = int(part) if part.isdecimal() else 0
    model = _model_of(command) if _is_stub(command) else None
    return Member(process, _role(process, command, environment), triton, model)


def _is_stub(command: Sequence[str]) -> bool:
    return command[0].endswith("triton_python_backend_stub")


def _role(process: psutil.Process, command: Sequence[str], environment: Mapping[str, str]) -> str:
    text = " ".join(command)
    if _is_stub(command) or command[0].endswith("/tritonserver"):
        return "stub" if _is_stub(command) else "tritonserver"
    for part, role in (("-m triptych triton", "supervisor"), ("-m triptych up", "up")):
        if part in text:
            return role
    if "streamlit run" in text:
        return "ui"
    if "-m gateway" in text or _is_of_gateway(process):
        return "worker" if _is_of_gateway(process) else "gateway"
    # Only what Triton starts has both.
    is_of_stub = {"LD_LIBRARY_PATH", PART_OF} <= environment.keys()
    return "decode" if is_of_stub else "other"


def _is_of_gateway(process: psutil.Process) -> bool:
    parent = process.parent()
    return parent is not None and "-m gateway" in " ".join(parent.cmdline())


def _model_of(command: Sequence[str]) -> str | None:
    """The stub's arguments name the model; a shared backend's path does not."""
    for part in command[1:]:
        for name in ("preprocess", "model", "postprocess"):
            head, _, _ = part.partition(f"_r1_{name}")
            if head != part:
                return f"{head.rsplit('/', 1)[-1]}_r1_{name}"
    return None
