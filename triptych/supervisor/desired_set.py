"""Which releases were loaded and unloaded by hand, on disk, so that a restart changes nothing."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from python_backends.shared.contract import Task
from triptych.release import Release
from triptych.routing import ReleaseName, first_routes
from triptych.supervisor.status import ReleaseStatus

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """What is remembered of a release, so that it can be told of when its files are gone."""

    task: Task
    promotable: bool
    max_batch_size: int
    top_k: int
    engine: str | None = None  # None: the one that the release names

    def to_status(self, name: ReleaseName) -> ReleaseStatus:
        """A release of which nothing else is known. An alias that meant it goes on meaning it."""
        known = {**vars(self), "engine": self.engine or ""}
        return ReleaseStatus(alias=name.alias, number=name.number, **known)


@dataclass(frozen=True)
class ByHand:
    """What somebody decided, over what follows from the repository.

    Attributes:
        loaded: Served although nothing else says so.
        unloaded: Not served although they would be.
    """

    loaded: Mapping[ReleaseName, Kept] = field(default_factory=dict)
    unloaded: frozenset[ReleaseName] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Whether nobody has decided anything."""
        return not self.loaded and not self.unloaded

    def served_unasked(self, promotable: Iterable[ReleaseName]) -> set[ReleaseName]:
        """The first release of each name, unless it was unloaded: no later one takes its place."""
        first = first_routes([*promotable, *self.unloaded])
        return set(first.values()) - self.unloaded


class DesiredSet:
    """`<state>/desired.json`, what was done by hand.

    {"releases": {"digits_r2": {"task": ..., "promotable": ...}}, "unloaded": ["digits_r1"]}
    The first release of each name is in it only if somebody loaded or unloaded it.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> ByHand:
        """What was done; a file that cannot be read holds up nothing, and is logged."""
        try:
            body = json.loads(self._file.read_bytes())
            loaded = {ReleaseName.parse(name): _kept(it) for name, it in body["releases"].items()}
            unloaded = {ReleaseName.parse(name) for name in body.get("unloaded", ())}
        except FileNotFoundError:
            return ByHand()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            logger.warning("%s cannot be read: %r", self._file, exc)
            return ByHand()
        return ByHand(
            {name: kept for name, kept in loaded.items() if name},
            frozenset(name for name in unloaded if name),
        )

    def add(self, release: Release) -> None:
        """Keep one more; that it was unloaded before is forgotten."""
        new = Kept(
            release.task,
            release.promotable,
            release.max_batch_size,
            release.top_k,
            release.chosen_engine,
        )
        before = self.read()
        loaded = {**before.loaded, release.name: new}
        self._write(ByHand(loaded, before.unloaded - {release.name}))

    def remove(self, name: ReleaseName, *, promotable: bool) -> None:
        """Keep one less.

        Args:
            name: Of the release.
            promotable: One that is not was never served unasked, so no mark has to prevent that.
        """
        before = self.read()
        loaded = {it: kept for it, kept in before.loaded.items() if it != name}
        self._write(ByHand(loaded, before.unloaded | ({name} if promotable else set())))

    def _write(self, by_hand: ByHand) -> None:
        """Replace the file as a whole, so that a crash leaves the old one or the new one."""
        body = {
            "releases": {str(name): asdict(kept) for name, kept in by_hand.loaded.items()},
            "unloaded": sorted(map(str, by_hand.unloaded)),
        }
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
        engine=None if found.get("engine") is None else str(found["engine"]),
    )
