"""What `triptych batch` is given on the command line, as what a job is made of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

import click

from python_backends.shared.contract import Task
from triptych.client.folder_tar import files_of, take_any
from triptych.client.job_items import ARCHIVE_SUFFIXES, JSON_LINES_SUFFIXES, GivenItems
from triptych.errors import OptionInvalid

_TEXTS: Final = Task.TEXT_CLASSIFICATION
_TEXT_SUFFIX: Final = ".txt"
_PICTURE_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp"})


class TextLines:
    """The lines of a file, one text each; it is opened anew whenever somebody goes through it.

    Args:
        file: In UTF-8.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def __iter__(self) -> Iterator[str]:
        try:
            with self._file.open(encoding="utf-8-sig") as lines:
                for line in lines:
                    yield line.removesuffix("\n")
        except UnicodeDecodeError as exc:
            raise OptionInvalid(f"{self._file} is not UTF-8: {exc}") from exc


def items_of(given: Path, task: Task, pattern: str | None, *, is_recursive: bool) -> GivenItems:
    """Say what of `given` is sent.

    Args:
        given: A folder, an archive, or a file of texts.
        task: What the alias does.
        pattern: Which files of a folder; None: those that the alias can take.
        is_recursive: Whether to look into the folders of a folder.

    Raises:
        OptionInvalid: it does not go with the alias, or there is nothing in it.
    """
    if given.is_dir():
        return _files(given, task, pattern, is_recursive=is_recursive)
    if pattern is not None:
        raise OptionInvalid(f"--glob is for folders, and {given} is a file.")
    name = given.name.lower()
    if name.endswith((_TEXT_SUFFIX, *JSON_LINES_SUFFIXES)) and task is not _TEXTS:
        raise OptionInvalid(f"The alias classifies images, and {given} holds texts.")
    if name.endswith(_TEXT_SUFFIX):
        return {"texts": TextLines(given)}
    if name.endswith(ARCHIVE_SUFFIXES):
        return {"archive": given}
    known = ", ".join((_TEXT_SUFFIX, *ARCHIVE_SUFFIXES))
    raise OptionInvalid(f"{given} is neither a folder nor one of {known}.")


def _files(folder: Path, task: Task, pattern: str | None, *, is_recursive: bool) -> GivenItems:
    suffixes = {_TEXT_SUFFIX} if task is _TEXTS else _PICTURE_SUFFIXES

    def is_wanted(path: PurePosixPath) -> bool:
        return path.match(pattern) if pattern else path.suffix.lower() in suffixes

    found = files_of(folder, take_any, is_recursive=is_recursive)
    wanted = [it for it in found if is_wanted(PurePosixPath(it.name))]
    if not wanted:
        what = f"file that fits {pattern!r}" if pattern else f"{'/'.join(sorted(suffixes))} file"
        raise OptionInvalid(f"There is no {what} in {folder}.")
    if len(wanted) < len(found) and pattern is None:
        left = len(found) - len(wanted)
        click.echo(f"{left} other files are left out; --glob '*' takes every file.", err=True)
    return {"files": [(it.name, it.content) for it in wanted]}
