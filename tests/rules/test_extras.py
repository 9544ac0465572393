"""What the extras of pyproject.toml ask for is what .venv-export gets from its lock."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
EXTRAS: dict[str, list[str]] = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"][
    "optional-dependencies"
]


def names(lines: list[str]) -> set[str]:
    """Distribution names at the beginning of requirement lines."""
    return {match[0].lower() for line in lines if (match := re.match(r"[A-Za-z0-9._-]+", line))}


@pytest.mark.parametrize("extra", EXTRAS)
def test_every_package_of_an_extra_is_locked_for_the_export_environment(extra: str) -> None:
    locks = [
        line
        for lock in ("export.txt", "torch.txt")
        for line in (PROJECT / "requirements" / lock).read_text().splitlines()
    ]

    assert names(EXTRAS[extra]) <= names(locks)


def test_the_extras_are_those_that_the_command_names() -> None:
    source = (PROJECT / "triptych" / "export" / "source.py").read_text()

    assert set(re.findall(r'"(export-\w+)"', source)) == set(EXTRAS)
