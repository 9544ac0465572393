"""Look every locked version up in the advisory database; skip where that is out of reach.

    .venv-audit/bin/python requirements/audit.py

Exit status 0: nothing is known against any of them, or nobody could be asked. 1: something is, or a
lock cannot be read. Standard library only; pip-audit does the work, one lock at a time, because it
refuses a package that two of its files name.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# An address that does not answer must not hold up CI: for one package, and for one lock.
PACKAGE_SECONDS = "10"
LOCK_SECONDS = 45


class Unreachable(Exception):
    """Nobody could be asked."""


class UnreadableLock(Exception):
    """A fault of ours."""


def locks() -> list[Path]:
    """All of them; first what pip-audit itself needs, which every advisory database knows."""
    first = HERE / "audit.txt"
    told_to_uv = set(HERE.glob("*-overrides.txt"))  # not what is installed
    return [first, *sorted(set(HERE.glob("*.txt")) - {first} - told_to_uv)]


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def pip_audit(program: Path, lock: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Ask about one lock; nothing is resolved or installed, for locks are complete."""
    command = [str(program), "--disable-pip", "--no-deps", "--progress-spinner", "off"]
    command += ["--format", "json", "--timeout", PACKAGE_SECONDS, *options, "-r", str(lock)]
    try:
        return subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=LOCK_SECONDS
        )
    except subprocess.TimeoutExpired as exc:
        raise Unreachable(f"no answer about {lock.name} in {LOCK_SECONDS} s") from exc


def look_up(program: Path, lock: Path) -> list[dict[str, Any]]:
    """What the database says of each package of a lock."""
    asked = pip_audit(program, lock)
    try:
        found: list[dict[str, Any]] = json.loads(asked.stdout)["dependencies"]
    except ValueError as exc:
        # A dry run asks nobody: what fails there is the lock.
        read = pip_audit(program, lock, "--dry-run")
        if read.returncode:
            raise UnreadableLock(f"{lock.name} cannot be read: {last_line(read.stderr)}") from exc
        raise Unreachable(last_line(asked.stderr)) from exc
    return found


def look_all_up(program: Path) -> Iterator[dict[str, Any]]:
    """Lock after lock. It ends early where the database does not even know the first one."""
    for number, lock in enumerate(locks()):
        found = look_up(program, lock)
        if number == 0 and all("skip_reason" in it for it in found):
            raise Unreachable("what answers there knows none of the packages")
        yield from found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    beside = Path(sys.executable).with_name("pip-audit")
    parser.add_argument("--pip-audit", type=Path, default=beside, metavar="PROGRAM")
    program = parser.parse_args().pip_audit
    known: set[tuple[str, str]] = set()
    unknown: set[str] = set()
    bad: set[str] = set()
    try:
        for it in look_all_up(program):
            if "skip_reason" in it:
                unknown.add(it["name"])
                continue
            known.add((it["name"], it["version"]))
            for advisory in it["vulns"]:
                mended = ", ".join(advisory["fix_versions"]) or "no version yet"
                bad.add(f"{it['name']} {it['version']}: {advisory['id']}; mended in {mended}")
    except Unreachable as exc:
        print(f"Skipped: the advisory database cannot be reached ({exc}).")
    except UnreadableLock as exc:
        print(exc)
        return 1
    for line in sorted(bad):
        print(line)
    print(f"{len(known)} versions looked up, {len(unknown)} unknown there, {len(bad)} advisories")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
