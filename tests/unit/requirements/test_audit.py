"""requirements/audit.py, with a script in place of pip-audit, which answers as that was seen to."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

PROJECT: Final = Path(__file__).resolve().parents[3]
ADVISORY: Final = {"id": "PYSEC-2026-1", "fix_versions": ["1.1"], "aliases": [], "description": ""}
GOOD: Final = {"name": "a", "version": "1.0", "vulns": []}
BAD: Final = {"name": "b", "version": "1.0", "vulns": [ADVISORY]}
UNKNOWN: Final = {"name": "c", "skip_reason": "Dependency not found"}
LOCKS: Final = {
    file.name
    for file in (PROJECT / "requirements").glob("*.txt")
    if not file.stem.endswith("-overrides")
}


def answer(*dependencies: dict[str, Any]) -> str:
    """What pip-audit prints of one lock."""
    return json.dumps({"dependencies": dependencies, "fixes": []})


def audited(
    folder: Path, otherwise: str, /, *, dry_status: int = 0, **by_lock: str
) -> subprocess.CompletedProcess[str]:
    """Run it; an empty answer is that of a database out of reach."""
    cases = "".join(f"*/{lock}.txt) answer='{text}' ;;\n" for lock, text in by_lock.items())
    program = folder / "pip-audit"
    program.write_text(
        f"""#!/bin/sh
case "$*" in
*--dry-run*) echo "no such lock" >&2; exit {dry_status} ;;
*" -r "*" -r "*) echo "it has duplicate requirements" >&2; exit 1 ;;
esac
for lock; do :; done
echo "${{lock##*/}}" >> '{folder}/asked'
answer='{otherwise}'
case "$lock" in
{cases}esac
echo "$answer"
test -n "$answer" || {{ echo "no route to it" >&2; exit 1; }}
"""
    )
    program.chmod(0o755)
    command = [sys.executable, str(PROJECT / "requirements/audit.py"), "--pip-audit", str(program)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)


def asked(folder: Path) -> list[str]:
    """About which locks, in which order."""
    return (folder / "asked").read_text().splitlines()


def test_with_nothing_known_against_them_all_is_well(tmp_path: Path) -> None:
    done = audited(tmp_path, answer(GOOD, UNKNOWN))

    assert done.returncode == 0, done.stderr
    assert done.stdout == "1 versions looked up, 1 unknown there, 0 advisories\n"


def test_each_lock_is_asked_about_alone_and_once(tmp_path: Path) -> None:
    # pip-audit refuses a package that two of its files name, as all of ours do.
    audited(tmp_path, answer(GOOD))

    assert asked(tmp_path)[0] == "audit.txt"
    assert sorted(asked(tmp_path)) == sorted(LOCKS)


def test_an_advisory_fails_and_says_which_version_mends_it(tmp_path: Path) -> None:
    done = audited(tmp_path, answer(GOOD), ui=answer(GOOD, BAD), gateway=answer(BAD))

    assert done.returncode == 1
    assert done.stdout == (
        "b 1.0: PYSEC-2026-1; mended in 1.1\n2 versions looked up, 0 unknown there, 1 advisories\n"
    )


@pytest.mark.parametrize("said", ["", answer(UNKNOWN)])
def test_where_nobody_can_be_asked_it_is_skipped_with_a_sentence_and_at_once(
    tmp_path: Path, said: str
) -> None:
    done = audited(tmp_path, said)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Skipped: the advisory database cannot be reached (")
    assert asked(tmp_path) == ["audit.txt"]


def test_a_lock_that_is_unknown_as_a_whole_is_no_reason_to_skip_the_others(tmp_path: Path) -> None:
    done = audited(tmp_path, answer(GOOD), minilm=answer(UNKNOWN), ui=answer(BAD))

    assert done.returncode == 1
    assert len(asked(tmp_path)) == len(LOCKS)


def test_what_was_found_before_the_database_went_away_still_fails(tmp_path: Path) -> None:
    done = audited(tmp_path, answer(GOOD), dev=answer(BAD), ui="")

    assert done.returncode == 1
    assert "Skipped: the advisory database cannot be reached (no route to it)." in done.stdout
    assert "b 1.0: PYSEC-2026-1; mended in 1.1" in done.stdout


def test_a_lock_that_cannot_be_read_is_no_reason_to_skip(tmp_path: Path) -> None:
    done = audited(tmp_path, "", dry_status=1)

    assert done.returncode == 1
    assert done.stdout == "audit.txt cannot be read: no such lock\n"
