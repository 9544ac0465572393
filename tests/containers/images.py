"""The three images, built by buildah on a Debian that debootstrap makes: no registry is asked."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parents[2]
NAMES: Final = ("triton", "gateway", "ui")
DOCKERFILES: Final = {
    "triton": "Dockerfile.triton",
    "gateway": "deploy/Dockerfile.gateway",
    "ui": "deploy/Dockerfile.ui",
}
# Python 3.11 with what builds need of it, and the library that Triton's stub links.
PACKAGES: Final = ("python3", "python3-pip", "libpython3.11", "ca-certificates")
_PREFIX: Final = "localhost/triptych-test"
BASE: Final = f"{_PREFIX}/base"
_ASK_PIP: Final = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from install import pip_configuration
print(json.dumps(pip_configuration(Path(sys.executable))))
"""


def image(name: str) -> str:
    """What the built image of a part is called here."""
    return f"{_PREFIX}/{name}"


def make_base(folder: Path) -> None:
    """Make the base unless an earlier run has.

    Args:
        folder: Scratch.
    """
    if subprocess.run(["podman", "image", "exists", BASE], check=False).returncode == 0:
        return
    root, tar = folder / "root", folder / "base.tar"
    include = f"--include={','.join(PACKAGES)}"
    _run("debootstrap", "--variant=minbase", include, "bookworm", str(root))
    _run("tar", "--create", "--numeric-owner", f"--file={tar}", f"--directory={root}", ".")
    _run("podman", "import", "--quiet", str(tar), BASE)


def build(name: str, folder: Path) -> float:
    """Build one image; returns the seconds that it took.

    Args:
        name: "triton", "gateway" or "ui".
        folder: Scratch, for pip's configuration.
    """
    began = time.monotonic()
    arguments = [f"BASE_IMAGE={BASE}", *(["LOCKS=triton server"] if name == "triton" else [])]
    _run(
        # Of docker's format, for OCI's has no health check.
        *("buildah", "build", "--isolation=chroot", "--format=docker", "--layers", "--pull-never"),
        *(f"--volume={it}" for it in _pip_of_this_machine(folder)),
        *(f"--build-arg={it}" for it in arguments),
        *(f"--file={PROJECT / DOCKERFILES[name]}", f"--tag={image(name)}", str(PROJECT)),
    )
    return time.monotonic() - began


def _pip_of_this_machine(folder: Path) -> Iterator[str]:
    """Volumes that let pip in a build find packages and certificates as it does here."""
    asked = _run(sys.executable, "-c", _ASK_PIP, str(PROJECT / "requirements"))
    options: dict[str, str] = json.loads(asked)
    file = folder / "pip.conf"
    lines = (f"{name} = {' '.join(value.split())}" for name, value in options.items())
    file.write_text("\n".join(["[global]", *lines, ""]), encoding="utf-8")
    yield f"{file}:/etc/pip.conf:ro"
    for word in " ".join(options.values()).split():
        path = re.fullmatch(r"(file://)?(/\S+)", word)
        if path and Path(path[2]).exists():
            # An index refers to files beside itself.
            here = Path(path[2]).parent if path[1] else Path(path[2])
            yield f"{here}:{here}:ro"


def _run(*command: str) -> str:
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=_environment(), cwd=PROJECT
    )
    assert done.returncode == 0, _told(command, done)
    return done.stdout


def _environment() -> dict[str, str]:
    return {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}


def _told(command: Sequence[str], done: subprocess.CompletedProcess[str]) -> str:
    return f"{' '.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
