"""Remove old releases from a model repository, and what crashed writers left there.

A release disappears at once: its ensemble's folder, which makes it visible, is moved away first,
by one rename. What a crash leaves in `.removing-<release>/` the next run finishes.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from python_backends.shared.contract import STEP_NAMES
from triptych.releases.catalogue import Catalogue
from triptych.routing import ReleaseName

_REMOVING: Final = ".removing-"
_WRITING: Final = ".writing-*"  # the exporter's
_ABANDONED_SECONDS: Final = 3600.0


@dataclass(frozen=True)
class Plan:
    """What is to be removed.

    Attributes:
        releases: By name and number.
        leftovers: Folders of writers that crashed.
    """

    releases: tuple[ReleaseName, ...]
    leftovers: tuple[Path, ...]

    def __bool__(self) -> bool:
        return bool(self.releases or self.leftovers)


def plan_pruning(
    catalogue: Catalogue, *, keep: int, loaded: Collection[ReleaseName], now: float | None = None
) -> Plan:
    """Say what is old.

    A release that cannot be read stays, because nobody knows what it is.

    Args:
        catalogue: What is there.
        keep: How many of each name stay besides those that are routed or loaded, the newest ones.
        loaded: What a running stack serves.
        now: Seconds since 1970; None is this moment.
    """
    needed = {*catalogue.routed(), *loaded}
    spare = sorted(it.name for it in catalogue.releases if it.name not in needed)
    old = [
        name
        for _, names in groupby(spare, key=lambda name: name.alias)
        for name in sorted(names, reverse=True)[keep:]
    ]
    moment = time.time() if now is None else now
    abandoned = [
        folder
        for folder in sorted(catalogue.repository.glob(_WRITING))
        if moment - _last_change(folder, moment) > _ABANDONED_SECONDS
    ]
    unfinished = sorted(catalogue.repository.glob(f"{_REMOVING}*"))
    return Plan(tuple(sorted(old)), tuple(abandoned + unfinished))


def remove_release(repository: Path, name: ReleaseName) -> None:
    """Take a release away, its ensemble first."""
    away = repository / f"{_REMOVING}{name}"
    away.mkdir(exist_ok=True)
    (repository / str(name)).rename(away / str(name))
    _finish(away, name)


def remove_leftover(folder: Path) -> None:
    """Take away what a crashed writer or an interrupted removal left."""
    name = ReleaseName.parse(folder.name.removeprefix(_REMOVING))
    if name and not (folder.parent / str(name)).exists():
        _finish(folder, name)
    else:
        shutil.rmtree(folder)


def _finish(away: Path, name: ReleaseName) -> None:
    """Remove the steps of a release whose ensemble is gone, and then the note that it was there."""
    for step in STEP_NAMES:
        if step:
            shutil.rmtree(away.parent / name.step(step), ignore_errors=True)
    shutil.rmtree(away)


def _last_change(folder: Path, moment: float) -> float:
    """When anything in it was written last, seconds since 1970; what vanishes changes just now."""
    try:
        return max(file.stat().st_mtime for file in (folder, *folder.rglob("*")))
    except FileNotFoundError:
        return moment
