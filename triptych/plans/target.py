"""What this machine is to TensorRT: its cards, the trtexec beside them, Triton's own backend."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from triptych.engines import TENSORRT
from triptych.errors import PlanUnavailable
from triptych.stack.triton_install import NVIDIA_IMAGE

# Where NVIDIA's images have it, which is not on the PATH there.
_TRTEXEC: Final = Path("/usr/src/tensorrt/bin/trtexec")
_NATIVE_BACKENDS: Final = NVIDIA_IMAGE / "backends"
# trtexec loads all of TensorRT before it writes its first line.
_ASK_SECONDS: Final = 120.0
_CARD: Final = re.compile(r"\s*(.+), (\d+\.\d+)\s*")
_BANNER: Final = re.compile(r"\[TensorRT v(?P<version>\d+)\](?: \[(?P<build>b\d+)\])?")


@dataclass(frozen=True)
class Target:
    """Where plans are built and run.

    Attributes:
        trtexec: What builds them.
        tensorrt: Its version and build, "100700-b23".
        compute_capability: Of every card, "9.0".
        gpu: The first card's name, for people.
    """

    trtexec: Path
    tensorrt: str
    compute_capability: str
    gpu: str


def find_target() -> Target:
    """Look at this machine; takes seconds.

    Raises:
        PlanUnavailable: it has no card, cards that need different plans, or no trtexec.
    """
    gpu, compute_capability = _cards()
    found = shutil.which("trtexec")
    trtexec = Path(found) if found else _TRTEXEC
    if not trtexec.is_file():
        raise PlanUnavailable(f"There is no trtexec, neither on the PATH nor at {_TRTEXEC}.")
    banner = _BANNER.search(_said_by([str(trtexec), "--help"]))
    if banner is None:
        raise PlanUnavailable(f"{trtexec} does not say which TensorRT it belongs to.")
    tensorrt = "-".join(part for part in (banner["version"], banner["build"]) if part)
    return Target(trtexec, tensorrt, compute_capability, gpu)


def has_backend(backends: Path) -> bool:
    """Whether Triton can run plans at all: the one from the wheel cannot, NVIDIA's image can.

    Args:
        backends: The folder that Triton is given.
    """
    return any((place / TENSORRT).is_dir() for place in (backends, _NATIVE_BACKENDS))


def _cards() -> tuple[str, str]:
    """The first card's name, and the compute capability of all."""
    if shutil.which("nvidia-smi") is None:
        raise PlanUnavailable("There is no NVIDIA GPU here: nvidia-smi is not installed.")
    told = _said_by(["nvidia-smi", "--query-gpu=name,compute_cap", "--format=csv,noheader"])
    # It warns of a card's memory, too, in sentences with commas.
    cards = [found.groups() for line in told.splitlines() if (found := _CARD.fullmatch(line))]
    if not cards:
        raise PlanUnavailable(f"nvidia-smi names no GPU: {' '.join(told.split())[:200]}")
    capabilities = {capability for _, capability in cards}
    if len(capabilities) > 1:
        kinds = ", ".join(sorted(capabilities))
        raise PlanUnavailable(f"The GPUs here need plans of their own each: {kinds}.")
    return cards[0][0], capabilities.pop()


def _said_by(command: Sequence[str]) -> str:
    """What it prints, whatever its exit code: trtexec's for --help differs between versions."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise PlanUnavailable(f"{command[0]} cannot be asked: {exc}") from exc
    return done.stdout + done.stderr
