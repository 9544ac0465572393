"""Plans on disk: `<state>/plans/<key>/`, whole or not at all, and what is held against one.

model.plan    a link to the last one that was built
<hash>.plan   that one, and those before: what a Triton serves is never replaced under it
plan.json     the key in full, the file's hash, when and how it was built
refused.json  why it is not to be tried again
trial*        a supervisor tries it right now; one that is found at a start never ended
build.log     what trtexec said
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from pathlib import Path
from typing import Any, Final

from triptych.plans.plan_key import PlanKey
from triptych.release import sha256
from triptych.stack.serving_view import link

PLAN_FILE: Final = "model.plan"
_PLAN: Final = ".plan"
_FACTS: Final = "plan.json"
_REFUSED: Final = "refused.json"
_LOG: Final = "build.log"


class Found(Enum):
    """What is known of a key's plan."""

    NOTHING = auto()
    BUILT = auto()
    REFUSED = auto()


@dataclass(frozen=True)
class Entry:
    """What lies there; `reason` says why it was refused."""

    found: Found
    reason: str | None = None


class PlanStore:
    """The folder of all plans; several Tritons and `triptych plan` may share it.

    Args:
        folder: May not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def folder(self, key: PlanKey) -> Path:
        """Where the plan of a key is, or would be."""
        return self._folder / key.digest

    def log(self, key: PlanKey) -> Path:
        """What trtexec said."""
        return self.folder(key) / _LOG

    def part(self, key: PlanKey) -> Path:
        """Where trtexec is to write: not yet a plan."""
        self.folder(key).mkdir(parents=True, exist_ok=True)
        return self.folder(key) / f"{PLAN_FILE}.part"

    def find(self, key: PlanKey) -> Entry:
        """What is known; a plan whose plan.json tells of another key is none."""
        folder = self.folder(key)
        refused = _read(folder / _REFUSED)
        if refused is not None:
            return Entry(Found.REFUSED, str(refused.get("reason", "no reason is known")))
        facts = _read(folder / _FACTS)
        if facts is None or facts.get("key") != asdict(key) or not (folder / PLAN_FILE).is_file():
            return Entry(Found.NOTHING)
        return Entry(Found.BUILT)

    def file(self, key: PlanKey) -> Path:
        """What Triton is to load: under this name there will never be another plan."""
        return (self.folder(key) / PLAN_FILE).resolve()

    def is_intact(self, key: PlanKey) -> bool:
        """Whether the file is the one that was built; reads all of it."""
        facts, file = _read(self.folder(key) / _FACTS), self.folder(key) / PLAN_FILE
        return facts is not None and file.is_file() and facts.get("sha256") == sha256(file)

    def keep(self, key: PlanKey, part: Path, facts: Mapping[str, object]) -> None:
        """Make a plan of what trtexec wrote."""
        digest = sha256(part)
        whole = part.with_name(f"{digest}{_PLAN}")
        part.replace(whole)
        link(self.folder(key) / PLAN_FILE, Path(whole.name))
        known = {"schema": 1, "key": asdict(key), "sha256": digest, "created": _now(), **facts}
        _write(self.folder(key) / _FACTS, known)

    def refuse(self, key: PlanKey, reason: str) -> None:
        """Do not try it again."""
        self.folder(key).mkdir(parents=True, exist_ok=True)
        _write(self.folder(key) / _REFUSED, {"reason": reason, "at": _now()})
        with suppress(FileNotFoundError):
            self.part(key).unlink()

    def forget(self, key: PlanKey) -> None:
        """Know nothing of it any more; what a running Triton may have links to stays."""
        for file in self.folder(key).glob("*"):
            if file.is_symlink() or (file.is_file() and file.suffix != _PLAN):
                file.unlink(missing_ok=True)

    def begin_trial(self, key: PlanKey, who: str) -> None:
        """Note that one of the Tritons tries it from now on."""
        _write(self._trial(key, who), {"at": _now()})

    def end_trial(self, key: PlanKey, who: str) -> None:
        """Note that it survived that."""
        self._trial(key, who).unlink(missing_ok=True)

    def is_on_trial(self, key: PlanKey, who: str) -> bool:
        """Whether a trial was begun and not ended."""
        return self._trial(key, who).is_file()

    def _trial(self, key: PlanKey, who: str) -> Path:
        return self.folder(key) / f"trial{who}"

    @contextmanager
    def building(self) -> Iterator[bool]:
        """Take the only place to build in, if it is free; the kernel frees it when we die."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "building.lock").open("w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _read(file: Path) -> dict[str, Any] | None:
    """What is written there; what cannot be read is not there."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _write(file: Path, body: Mapping[str, object]) -> None:
    """Replace it as a whole, so that a crash leaves the old one or the new one."""
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    part.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")
    part.replace(file)
