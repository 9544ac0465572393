"""Run `triptych ...` as the console script does, in this process."""

from __future__ import annotations

import contextlib
import io
import sys
from dataclasses import dataclass

import pytest

from triptych.cli.main import main


@dataclass(frozen=True)
class Ended:
    exit_code: int
    output: str
    errors: str


def run_triptych(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> Ended:
    """Whatever is raised besides SystemExit goes through: to a person it would be a traceback."""
    monkeypatch.setattr(sys, "argv", ["triptych", *map(str, arguments)])
    output, errors = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    return Ended(int(ended.value.code or 0), output.getvalue(), errors.getvalue())


def assert_one_sentence(ended: Ended, *words: str) -> None:
    """A failure that a person can act on: one line, exit code 1, and it names these."""
    assert ended.exit_code == 1
    assert ended.output == ""
    (line,) = ended.errors.splitlines()
    assert line.startswith("Error: ")
    for word in words:
        assert word in line
