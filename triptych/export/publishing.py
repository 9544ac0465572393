"""The repository as writers of releases see it: free numbers, scratch folders, the last move."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from python_backends.shared.contract import STEP_NAMES
from triptych.errors import ReleaseExists, ReleaseNameInvalid
from triptych.release import find_releases
from triptych.routing import ReleaseName


def next_number(repository: Path, name: str) -> int:
    """The first free release number of a name, also in a repository that is not there yet."""
    if not repository.is_dir():
        return 1
    taken = [release.number for release in find_releases(repository) if release.alias == name]
    return max(taken, default=0) + 1


def check_name(repository: Path, name: ReleaseName) -> None:
    """See that a release of this name and number can be written.

    Raises:
        ReleaseNameInvalid: the name could not be read back.
        ReleaseExists: releases are immutable, so a number is used once.
    """
    if ReleaseName.parse(str(name)) != name:
        raise ReleaseNameInvalid(
            f"{name.alias!r} is no release name: lower case, digits and '-', a letter first."
        )
    if (repository / str(name)).exists():
        raise ReleaseExists(f"{name} exists and releases are immutable; take the next number.")


def move_into_place(scratch: Path, repository: Path, release: ReleaseName) -> None:
    """Move a release's folders into the repository; the ensemble's, which shows it, comes last.

    Raises:
        ReleaseExists: somebody else took the number meanwhile.
    """
    with _alone(repository):
        check_name(repository, release)
        for step in sorted(STEP_NAMES, reverse=True):
            model = release.step(step)
            shutil.rmtree(repository / model, ignore_errors=True)  # of a crash, unseen
            (scratch / model).rename(repository / model)


@contextmanager
def _alone(repository: Path) -> Iterator[None]:
    """Keep other writers out between the look at a number and the move."""
    folder = os.open(repository, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)  # and with it goes the lock


@contextmanager
def writing_folder(repository: Path) -> Iterator[Path]:
    """A scratch folder in the repository, because a move is atomic only within one file system."""
    with (
        _existing(repository),
        tempfile.TemporaryDirectory(dir=repository, prefix=".writing-") as scratch,
    ):
        yield Path(scratch)


@contextmanager
def _existing(repository: Path) -> Iterator[None]:
    """Make the folder, and take it away again where nothing came into it."""
    made = [folder for folder in (repository, *repository.parents) if not folder.exists()]
    repository.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        for folder in made:
            with suppress(OSError):  # it is not empty
                folder.rmdir()
