"""Make a virtual environment and install one lock into it; run it with any Python 3.11 or 3.12.

    python3 requirements/install.py .venv serve
    python3 requirements/install.py .venv-export export torch

Standard library only: it runs before anything is installed. uv does the installing because it takes
seconds where pip takes a minute; pip is the fallback where uv cannot be had or cannot manage.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import os
import subprocess
import sys
from pathlib import Path

from system_packages import MissingSystemPackage, ensure_installed

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
# What a running stack imports of ours.
ROOMS = tuple(PROJECT / room for room in ("gateway", "python_backends", "triptych", "ui"))


def run(*command: str | Path, env: dict[str, str] | None = None) -> None:
    subprocess.run([str(part) for part in command], check=True, env=env)


def create_environment(venv: Path) -> None:
    """Make the environment; Debian's python3 cannot until python3-venv is there."""
    place = venv / ".made-for"  # an environment can be neither moved nor given another Python
    mine = f"{venv} {sys.version}"
    if place.exists() and place.read_text() == mine:
        return
    try:
        import ensurepip  # noqa: F401, PLC0415 - only to find out whether Debian split it off
    except ImportError:
        ensure_installed([f"python3.{sys.version_info.minor}-venv"])
    run(sys.executable, "-m", "venv", "--clear", venv)
    place.write_text(mine)


def pip_configuration(python: Path) -> dict[str, str]:
    """What pip's files and environment say, by option name; the environment wins, as in pip."""
    listed = subprocess.run(
        [python, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    ).stdout
    by_section: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        section, _, option = name.partition(".")
        by_section.get(section, {})[option] = str(ast.literal_eval(value))
    return {**by_section["global"], **by_section["install"], **by_section[":env:"]}


def uv_environment(python: Path) -> dict[str, str]:
    """uv ignores pip's configuration, so hand over what decides where packages come from."""
    options = pip_configuration(python)
    handed_over = {
        "UV_DEFAULT_INDEX": options.get("index-url"),
        "UV_INDEX": options.get("extra-index-url"),
        "UV_FIND_LINKS": options.get("find-links"),
        "SSL_CERT_FILE": options.get("cert"),
    }
    chosen = {name: " ".join(value.split()) for name, value in handed_over.items() if value}
    if "UV_FIND_LINKS" in chosen:
        chosen["UV_FIND_LINKS"] = chosen["UV_FIND_LINKS"].replace(" ", ",")
    # pip looks at every index for the best version; its configuration was written for that.
    # And it trusts the certificates of the system, a company's own among them.
    like_pip = {"UV_INDEX_STRATEGY": "unsafe-best-match", "UV_SYSTEM_CERTS": "true"}
    return {**os.environ, **like_pip, **chosen}


def install_lock(python: Path, lock: Path) -> None:
    """Install one lock file with uv, or with pip where uv fails."""
    # A lock is complete, and leaves out on purpose what pip would add: see pyproject.toml, tool.uv.
    hashes = ["--no-deps", *(["--require-hashes"] if "--hash=" in lock.read_text() else [])]
    try:
        uv = [python, "-m", "uv", "pip", "install", "--quiet", "--python", python]
        run(*uv, *hashes, "-r", lock, env=uv_environment(python))
    except subprocess.CalledProcessError:
        print(f"uv could not install {lock.name}; trying pip, which takes longer", flush=True)
        run(python, "-m", "pip", "install", "--quiet", *hashes, "-r", lock)


def install_project(python: Path) -> None:
    """Put our own rooms on the environment's path, editable and without touching dependencies."""
    command = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    run(*command, "--editable", PROJECT)


def site_packages(python: Path) -> Path:
    program = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([python, "-c", program], check=True, capture_output=True, text=True)
    return Path(done.stdout.strip())


def compile_modules(python: Path, *folders: Path) -> None:
    """Write the bytecode of modules, which uv does not: else the first start compiles them.

    Where PYTHONDONTWRITEBYTECODE is set, every start would: 14 s of CPU instead of 4 for digits.
    A file that this Python cannot read is nobody's (some packages hold such); it is left out.
    """
    command: list[str | Path] = [
        python,
        "-m",
        "compileall",
        "-q",
        "-j",
        "0",
        "-x",
        "/tests/",
        *folders,
    ]
    subprocess.run(command, check=False, capture_output=True)


def install_libpython(python: Path) -> None:
    """Triton's Python stub links libpython, which Debian's python3 alone does not bring."""
    command = [python, "-m", "triptych.stack.libpython"]
    missing = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    if missing:
        ensure_installed(missing)


def check_torch(python: Path) -> None:
    """Torch came without its dependencies; see whether this build does without them."""
    command = [python, "-c", "import torch"]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        raise MissingSystemPackage(
            "The installed torch cannot be imported; most likely it is the CUDA build. Point pip's "
            "find-links or extra index at PyTorch's CPU wheels, remove .venv-export, and try again."
        )


def add_ours(python: Path, *, has_torch: bool) -> None:
    """Our own rooms, and what they need beside packages."""
    install_project(python)
    if has_torch:
        check_torch(python)
    else:
        install_libpython(python)
        compile_modules(python, site_packages(python), *ROOMS)


def fingerprint(locks: list[Path]) -> str:
    parts = [*locks, HERE / "bootstrap.txt", PROJECT / "pyproject.toml", Path(__file__)]
    digest = hashlib.sha256(f"{PROJECT} {sys.version}".encode())
    for part in parts:
        digest.update(part.read_bytes())
    return digest.hexdigest()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("venv", type=Path)
    parser.add_argument("locks", nargs="+", metavar="LOCK", help="name of a requirements/LOCK.txt")
    arguments = parser.parse_args()
    if sys.version_info[:2] not in {(3, 11), (3, 12)}:
        print(f"Triptych needs Python 3.11 or 3.12; this is {sys.version.split()[0]}.")
        return 1
    venv = arguments.venv.absolute()
    locks = [HERE / f"{name}.txt" for name in arguments.locks]
    stamp, wanted = venv / f".installed-{'-'.join(arguments.locks)}", fingerprint(locks)
    python = venv / "bin" / "python"
    if stamp.exists() and stamp.read_text() == wanted:
        compile_modules(python, *ROOMS)  # those that were edited since
        return 0
    print(f"Installing {', '.join(lock.name for lock in locks)} into {arguments.venv}", flush=True)
    try:
        create_environment(venv)
        pip = [python, "-m", "pip", "install", "--quiet", "--require-hashes"]
        if subprocess.run([*pip, "-r", HERE / "bootstrap.txt"], check=False).returncode:
            print("uv cannot be had here; pip will do the installing", flush=True)
        for lock in locks:
            install_lock(python, lock)
        if "audit" not in arguments.locks:  # which reads files, and imports nothing of ours
            add_ours(python, has_torch="export" in arguments.locks)
    except MissingSystemPackage as exc:
        print(exc)
        return 1
    except subprocess.CalledProcessError as exc:
        print(f"Installing failed: {' '.join(map(str, exc.cmd))} ended with {exc.returncode}.")
        return 1
    stamp.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
