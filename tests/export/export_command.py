"""Run `triptych export` as a person does, in this process; a refusal leaves no trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.triptych.command_line import Ended, run_triptych
from triptych.export.loaded_model import SourceOptions

NOT_PROMOTABLE = 3


def run_export(
    monkeypatch: pytest.MonkeyPatch, repository: Path, source: object, *options: object
) -> Ended:
    """Under the name "colours", unless the options give another."""
    name = () if "--name" in options else ("--name", "colours")
    where = ("--model-repository", repository)
    return run_triptych(monkeypatch, "export", source, *name, *where, *options)


def as_arguments(options: SourceOptions, folder: Path) -> list[object]:
    """What a person would type for these options."""
    arguments: list[object] = []
    for field, value in options.transform.items():
        arguments += [f"--{field}", value]
    if options.weights is not None:
        arguments += ["--weights", options.weights]
    if options.labels is not None:
        labels = folder / "labels.txt"
        labels.write_text("".join(f"{label}\n" for label in options.labels))
        arguments += ["--labels", labels]
    return arguments


def assert_refused(ended: Ended, repository: Path, *words: str) -> None:
    """One sentence on stderr, exit code 1, and no trace on the disk."""
    (line,) = ended.errors.splitlines()
    assert line.startswith("Error: ")
    for word in words:
        assert word in line
    assert ended.exit_code == 1
    assert "Traceback" not in ended.output
    if repository.exists():
        assert list(repository.iterdir()) == []
