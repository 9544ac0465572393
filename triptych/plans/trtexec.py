"""Run trtexec once: its command line, low priority, bounded time, and why it failed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from triptych.errors import PlanRefused
from triptych.plans.plan_key import PlanKey
from triptych.stack.child_process import ChildProcess
from triptych.stack.triton_install import inherited_environment

# Whoever is served meanwhile goes first.
_LOW_PRIORITY: Final = ("nice", "-n", "19")
_LOOK_SECONDS: Final = 0.1
_GRACE_SECONDS: Final = 2.0


class BuildStopped(Exception):
    """Nobody waits for the plan any more; nothing is known of it."""


def build_command(trtexec: Path, onnx: Path, key: PlanKey, plan: Path) -> list[str]:
    """The command line that makes the plan of a key."""
    profile = key.profile
    return [
        str(trtexec),
        f"--onnx={onnx}",
        f"--saveEngine={plan}",
        f"--{key.precision}",
        f"--minShapes={profile.tensor}:{profile.smallest}",
        f"--optShapes={profile.tensor}:{profile.typical}",
        f"--maxShapes={profile.tensor}:{profile.largest}",
        "--skipInference",
    ]


def run_trtexec(
    command: list[str], log: Path, timeout_seconds: float, pause: Callable[[float], object]
) -> None:
    """Run it to its end.

    Args:
        command: With all arguments.
        log: Where what it says is kept.
        timeout_seconds: How long it may take.
        pause: Waits so many seconds; a true answer ends it.

    Raises:
        PlanRefused: it failed, crashed or took too long.
        BuildStopped: nobody waits any more.
    """
    deadline = time.monotonic() + timeout_seconds
    child = ChildProcess(
        "trtexec",
        [*_LOW_PRIORITY, *command],
        environment=inherited_environment(),
        log_file=log,
    )
    try:
        while child.exit_code() is None:
            if pause(_LOOK_SECONDS):
                raise BuildStopped
            if time.monotonic() > deadline:
                raise PlanRefused(f"trtexec was not done within {timeout_seconds:g} seconds")
        code = child.exit_code()
    finally:
        child.stop(_GRACE_SECONDS)
    if code:
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise PlanRefused(f"trtexec ended with {how}: {_complaint(log)}")


def _complaint(log: Path) -> str:
    """Its first error; the last line only says that it failed."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    spoken = [line for line in lines if line]
    return next((line for line in spoken if "[E]" in line), spoken[-1] if spoken else "no word")
