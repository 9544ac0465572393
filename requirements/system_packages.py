"""Install Debian packages where that is allowed, else say exactly which command does it.

python3 requirements/system_packages.py chromium
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys


class MissingSystemPackage(Exception):
    """A Debian package is missing and could not be installed; the message is the command to run."""


def is_installed(package: str) -> bool:
    """Ask dpkg, so that a name which is no program (a library) can be asked for too."""
    status = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package],
        check=False,
        capture_output=True,
        text=True,
    )
    return status.stdout == "installed"


def apt_get() -> list[str] | None:
    """The apt-get command that may install here, or None: as root, or through a silent sudo."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return ["apt-get"]
    sudo = shutil.which("sudo")
    if (
        sudo
        and subprocess.run([sudo, "-n", "true"], check=False, capture_output=True).returncode == 0
    ):
        return [sudo, "-n", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    return None


def ensure_installed(packages: list[str]) -> None:
    """Install what is missing.

    Raises:
        MissingSystemPackage: it may not or cannot be installed from here.
    """
    if shutil.which("dpkg-query") is None:
        raise MissingSystemPackage(f"Please install: {' '.join(packages)} (names as on Debian).")
    missing = [package for package in packages if not is_installed(package)]
    if not missing:
        return
    advice = f"sudo apt-get update && sudo apt-get install --yes {' '.join(missing)}"
    command = apt_get()
    if command is None:
        raise MissingSystemPackage(f"The system lacks {', '.join(missing)}. Please run: {advice}")
    print(f"Installing {' '.join(missing)} with apt-get", flush=True)
    install = [*command, "install", "--quiet", "--yes", "--no-install-recommends", *missing]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*command, "update", "--quiet"], check=False, stdout=subprocess.DEVNULL)
    done = subprocess.run(install, check=False, stdout=subprocess.DEVNULL, env=environment)
    if done.returncode:
        raise MissingSystemPackage(f"apt-get could not install it. Please run: {advice}")


if __name__ == "__main__":
    try:
        ensure_installed(sys.argv[1:])
    except MissingSystemPackage as exc:
        sys.exit(str(exc))
