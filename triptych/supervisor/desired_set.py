"""Which releases were loaded by hand, on disk, so that they are loaded again after a restart."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from python_backends.shared.contract import Task
from triptych.release import Release
from triptych.routing import ReleaseName
from triptych.supervisor.status import ReleaseStatus

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """What is remembered of a release, so that it can be told of when its files are gone."""

    task: Task
    promotable: bool
    max_batch_size: int
    top_k: int

    def to_status(self, name: ReleaseName) -> ReleaseStatus:
        """A release of which nothing else is known. An alias that meant it goes on meaning it."""
        return ReleaseStatus(alias=name.alias, number=name.number, **vars(self))


class DesiredSet:
    """`<state>/desired.json`: {"releases": {"digits_r2": {"task": ..., "promotable": ...}}}.

    Routed releases that nobody loaded by hand are not in it: they follow from the repository.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> dict[ReleaseName, Kept]:
        """What was loaded by hand; a file that cannot be read holds up nothing, and is logged."""
        try:
            found = json.loads(self._file.read_bytes())["releases"]
            named = {ReleaseName.parse(name): _kept(it) for name, it in found.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            logger.warning("%s cannot be read: %r", self._file, exc)
            return {}
        return {name: kept for name, kept in named.items() if name}

    def add(self, release: Release) -> None:
        """Keep one more; the file is replaced as a whole, so a crash leaves the old or the new."""
        new = Kept(release.task, release.promotable, release.max_batch_size, release.top_k)
        kept = {**self.read(), release.name: new}
        body = {"releases": {str(name): asdict(it) for name, it in kept.items()}}
        part = self._file.with_suffix(".json.part")
        with part.open("w") as stream:
            json.dump(body, stream)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(self._file)


def _kept(found: dict[str, Any]) -> Kept:
    return Kept(
        task=Task(found["task"]),
        promotable=found["promotable"] is True,
        max_batch_size=int(found["max_batch_size"]),
        top_k=int(found["top_k"]),
    )
