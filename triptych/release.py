"""A release as it lies in model_repository/: its birth certificate, release.json, read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from python_backends.shared.contract import STEPS
from triptych.errors import ReleaseBroken
from triptych.routing import ReleaseName

CERTIFICATE: Final = "release.json"
GOLDEN_FOLDER: Final = "golden"


@dataclass(frozen=True)
class Golden:
    """One encoded input with the answer that the exported model gave to it."""

    file: Path
    sha256: str
    label: str
    score: float


@dataclass(frozen=True)
class Release:
    """What serving needs to know of one release."""

    name: ReleaseName
    task: str
    promotable: bool
    max_batch_size: int
    top_k: int
    golden: tuple[Golden, ...]
    artifacts: Mapping[str, str]  # path in the repository -> sha-256
    repository: Path

    def models(self) -> list[str]:
        """The Triton models of this release, steps first and the ensemble last."""
        return [self.name.step(step) for step in sorted(STEPS, reverse=True)]

    def missing_files(self) -> list[str]:
        """Artefacts named in release.json that are not there, relative to the repository."""
        golden = [str(item.file.relative_to(self.repository)) for item in self.golden]
        return [
            name for name in (*self.artifacts, *golden) if not (self.repository / name).is_file()
        ]

    def changed_files(self) -> list[str]:
        """Artefacts and golden inputs that are not the bytes that were released."""
        golden = {str(it.file.relative_to(self.repository)): it.sha256 for it in self.golden}
        released = {**self.artifacts, **golden}
        return [name for name, known in released.items() if sha256(self.repository / name) != known]


def sha256(file: Path) -> str:
    """The hash by which release.json knows a file, in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_release(repository: Path, name: ReleaseName) -> Release:
    """Read one release.

    Raises:
        ReleaseBroken: release.json is missing, is not JSON or lacks a field.
    """
    folder = repository / str(name)
    try:
        certificate = json.loads((folder / CERTIFICATE).read_text(encoding="utf-8"))
        return Release(
            name=name,
            task=certificate["task"],
            promotable=certificate["promotable"],
            max_batch_size=certificate["max_batch_size"],
            top_k=certificate["top_k"],
            golden=_all_golden(folder, certificate["golden"]),
            artifacts=dict(certificate["artifacts"]),
            repository=repository,
        )
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ReleaseBroken(f"{name}: {CERTIFICATE} cannot be read: {exc!r}") from exc


def _all_golden(folder: Path, items: list[dict[str, Any]]) -> tuple[Golden, ...]:
    if not items:
        raise ValueError("there are no golden inputs")
    return tuple(_golden(folder, item) for item in items)


def _golden(folder: Path, item: dict[str, Any]) -> Golden:
    file = folder / GOLDEN_FOLDER / item["file"]
    return Golden(file, item["sha256"], item["label"], float(item["score"]))


def find_releases(repository: Path) -> Iterator[ReleaseName]:
    """Name the releases on disk: every folder whose name reads like one and has a certificate."""
    for folder in sorted(repository.iterdir()):
        name = ReleaseName.parse(folder.name)
        if name and (folder / CERTIFICATE).is_file():
            yield name
