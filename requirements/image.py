"""Make the Python environment of a container image: locked wheels with their hashes, and our code.

    python3 requirements/image.py wheels /opt/triptych triton server
    python3 requirements/image.py code /opt/triptych

Two steps, because the first is long and seldom changes. Neither pip nor uv stays in the
environment: an image is built anew, not changed. Standard library only, and the pip of who runs it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from install import HERE, PROJECT, compile_modules, run, site_packages


def pip_install(*arguments: str | Path, python: Path | None = None, tools: str = "") -> None:
    """Run pip, for another Python where one is named, with a folder of tools beside it."""
    into = ["--python", python] if python else []
    quiet = ["--no-deps", "--no-cache-dir", "--disable-pip-version-check", "--quiet"]
    environment = {**os.environ, "PYTHONPATH": tools, "PIP_ROOT_USER_ACTION": "ignore"}
    run(sys.executable, "-m", "pip", *into, "install", *quiet, *arguments, env=environment)


def install_wheels(venv: Path, locks: list[str]) -> None:
    run(sys.executable, "-m", "venv", "--without-pip", venv)
    python = venv / "bin" / "python"
    for lock in locks:
        pip_install("--require-hashes", "-r", HERE / f"{lock}.txt", python=python)
    compile_modules(python, site_packages(python))


def install_code(venv: Path) -> None:
    """Install those of our rooms that are here; what builds the wheel is gone afterwards."""
    python = venv / "bin" / "python"
    with tempfile.TemporaryDirectory() as tools:
        pip_install("--require-hashes", "-r", HERE / "build.txt", "--target", tools)
        pip_install("--no-build-isolation", "--no-compile", PROJECT, python=python, tools=tools)
    compile_modules(python, site_packages(python))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=["wheels", "code"])
    parser.add_argument("venv", type=Path)
    parser.add_argument("locks", nargs="*", metavar="LOCK", help="name of a requirements/LOCK.txt")
    arguments = parser.parse_args()
    try:
        if arguments.step == "wheels":
            install_wheels(arguments.venv, arguments.locks)
        else:
            install_code(arguments.venv)
    except subprocess.CalledProcessError as exc:
        print(f"{' '.join(map(str, exc.cmd))} ended with {exc.returncode}.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
