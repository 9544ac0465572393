"""Where results of a job go: a file that is there whole or not at all, or the terminal."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from triptych.client.client import Client
from triptych.client.jobs import Job, ResultForm
from triptych.errors import OptionInvalid

_STDOUT: Final = "-"
_JSON_LINES: Final = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class ResultFile:
    """A place, and how results are written there."""

    name: str
    form: ResultForm

    @property
    def told(self) -> str:
        """Behind a sentence, where it went; a terminal shows it."""
        return "" if self.name == _STDOUT else f": {self.name}"

    def fetch(self, client: Client, job: Job | str) -> None:
        """Write what is recorded of a job by now, in the order of its items.

        Raises:
            CallFailed: the gateway does not give it.
            OSError: it cannot be written.
        """
        if self.name != _STDOUT:
            client.save_results(job, self.name, self.form)
            return
        # Not straight on: what a broken connection brings twice cannot be taken back.
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "results")
            client.save_results(job, file, self.form)
            with file.open(encoding="utf-8", newline="") as results:
                shutil.copyfileobj(results, sys.stdout)


def result_file(output: str | None, form: str | None) -> ResultFile:
    """Say where results go, before anything is asked that takes its time.

    Args:
        output: A path, or - for the terminal.
        form: "csv" or "jsonl"; None is as the file's name says.

    Raises:
        click.UsageError: there is no place.
        OptionInvalid: no file can be written there.
    """
    if output is None:
        raise click.UsageError("Say where results go: -o results.csv, or -o - for the terminal.")
    path = Path(output)
    if output != _STDOUT and (path.is_dir() or not os.access(path.parent, os.W_OK)):
        raise OptionInvalid(f"No file can be written at {path}.")
    is_jsonl = form == "jsonl" or (form is None and path.suffix.lower() in _JSON_LINES)
    return ResultFile(output, "jsonl" if is_jsonl else "csv")
