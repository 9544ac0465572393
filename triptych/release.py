"""A release as it lies in model_repository/: its birth certificate, release.json, read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from python_backends.shared.contract import STEP_NAMES, Task
from triptych.engines import ONNXRUNTIME
from triptych.errors import LoadRefused, ReleaseBroken
from triptych.routing import ReleaseName

CERTIFICATE: Final = "release.json"
GOLDEN_FOLDER: Final = "golden"
_FINGERPRINT_DIGITS: Final = 16
# What Triton looks for in the version folder of each engine, where the configuration says nothing.
_MODEL_FILES: Final = ("model.onnx", "model.plan", "model.pt", "model.xml")
_FOLDER_KEEPER: Final = ".gitkeep"  # an empty file that makes git keep a folder


@dataclass(frozen=True)
class Golden:
    """One encoded input with the answer that the exported model gave to it."""

    file: Path
    sha256: str
    label: str
    score: float


@dataclass(frozen=True)
class Certificate:
    """What a release says of itself beyond what serving needs.

    Attributes:
        created: ISO 8601 with its zone; empty where it is not told.
        git_commit: Of the exporter's checkout; may be empty.
        is_forced: Whether somebody made it promotable although the parity gate did not pass.
        precision: Of the weights, "fp32" or "int8".
        source: Framework, script, data, seed: where it comes from.
        transform: What becomes of an input before the model sees it.
        labels: In the order of the model's classes.
        parity: The report of the gate; None where there was no gate.
        metrics: What the training measured.
        semver: What people call this version, "1.4.0"; None where nobody said.
    """

    created: str
    git_commit: str
    is_forced: bool
    precision: str
    source: Mapping[str, str]
    transform: Mapping[str, object]
    labels: tuple[str, ...]
    parity: Mapping[str, object] | None
    metrics: Mapping[str, object]
    semver: str | None = None

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Certificate:
        """Read it; what older releases do not tell has a default.

        Raises:
            ValueError: a field is not what it should be.
            TypeError: likewise.
        """
        parity, semver = body.get("parity"), body.get("semver")
        return cls(
            created=str(body.get("created", "")),
            git_commit=str(body.get("git_commit", "")),
            is_forced=body.get("forced", False) is True,
            precision=str(body.get("precision", "fp32")),
            source={key: str(value) for key, value in dict(body.get("source", {})).items()},
            transform=dict(body.get("transform", {})),
            labels=tuple(str(label) for label in body.get("labels", ())),
            parity=None if parity is None else dict(parity),
            metrics=dict(body.get("metrics", {})),
            semver=None if semver is None else str(semver),
        )


@dataclass(frozen=True)
class Release:
    """What serving needs to know of one release, and its certificate for people."""

    name: ReleaseName
    task: Task
    promotable: bool
    max_batch_size: int
    top_k: int
    golden: tuple[Golden, ...]
    artifacts: Mapping[str, str]  # path in the repository -> sha-256
    repository: Path
    fingerprint: str  # of release.json, which holds the hash of everything else
    certificate: Certificate
    default_engine: str = ONNXRUNTIME  # what its config.pbtxt names; older releases do not tell
    # What else the gate let through, with the answers of each to the same golden inputs.
    engines: Mapping[str, tuple[Golden, ...]] = field(default_factory=dict)
    chosen_engine: str | None = None

    @property
    def engine(self) -> str:
        """What its model step is to run on."""
        return self.chosen_engine or self.default_engine

    def on_engine(self, engine: str | None) -> Release:
        """The same release on one of its engines, with the golden answers of that one.

        None leaves it as it is.

        Raises:
            LoadRefused: it has no such engine.
        """
        if engine is None or engine == self.engine:
            return self
        if engine not in self.engines:
            known = ", ".join(sorted({*self.engines, self.default_engine}))
            raise LoadRefused(f"{self.name} has no engine {engine!r}; it has {known}.")
        return replace(self, chosen_engine=engine, golden=self.engines[engine])

    def with_engine(self, engine: str, answers: Sequence[tuple[str, float]]) -> Release:
        """The same release on an engine that was proven here, not by the exporter.

        Args:
            engine: Its name.
            answers: Label and score for each golden input, as that engine gives them.
        """
        golden = tuple(
            replace(item, label=label, score=score)
            for item, (label, score) in zip(self.golden, answers, strict=True)
        )
        known = {self.engine: self.golden, **self.engines, engine: golden}
        return replace(self, engines=known, chosen_engine=engine, golden=golden)

    def model_folder(self) -> Path:
        """The folder of its model step."""
        return self.repository / self.name.step("model")

    def models(self) -> list[str]:
        """The Triton models of this release, steps first and the ensemble last."""
        return [self.name.step(step) for step in sorted(STEP_NAMES, reverse=True)]

    def missing_files(self) -> list[str]:
        """What release.json names and is not there, relative to the repository."""
        return [name for name in self._released() if not (self.repository / name).is_file()]

    def changed_files(self) -> list[str]:
        """Artefacts and golden inputs that are there, but not as the bytes that were released."""
        return [
            name
            for name, known in self._released().items()
            if (self.repository / name).is_file() and sha256(self.repository / name) != known
        ]

    def unknown_files(self) -> list[str]:
        """Files in the release's folders that release.json does not name."""
        known = {*self._released(), f"{self.name}/{CERTIFICATE}"}
        there = [
            str(file.relative_to(self.repository))
            for model in self.models()
            for file in sorted((self.repository / model).rglob("*"))
            if file.name != _FOLDER_KEEPER and not file.is_dir()
        ]
        return [name for name in there if name not in known]

    def model_sha256(self) -> str:
        """The hash of the model's own file, in hex; empty where no artefact looks like one."""
        folder = f"{self.name.step('model')}/"
        found = (
            self.artifacts[path]
            for file in _MODEL_FILES
            for path in sorted(self.artifacts)
            if path.startswith(folder) and path.endswith(f"/{file}")
        )
        return next(found, "")

    def size_bytes(self) -> int:
        """The size of all artefacts that are there."""
        files = [self.repository / name for name in self.artifacts]
        return sum(file.stat().st_size for file in files if file.is_file())

    def _released(self) -> dict[str, str]:
        """Hash by path, golden inputs too."""
        golden = {str(it.file.relative_to(self.repository)): it.sha256 for it in self.golden}
        return {**self.artifacts, **golden}


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
        raw = (folder / CERTIFICATE).read_bytes()
        certificate = json.loads(raw)
        golden = _all_golden(folder, certificate["golden"])
        return Release(
            name=name,
            task=Task(certificate["task"]),
            promotable=certificate["promotable"],
            max_batch_size=certificate["max_batch_size"],
            top_k=certificate["top_k"],
            golden=golden,
            artifacts=dict(certificate["artifacts"]),
            repository=repository,
            fingerprint=hashlib.sha256(raw).hexdigest()[:_FINGERPRINT_DIGITS],
            certificate=Certificate.read(certificate),
            default_engine=str(certificate.get("engine", ONNXRUNTIME)),
            engines=_engines(certificate.get("engines", {}), golden),
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


def _engines(
    told: Mapping[str, Mapping[str, Any]], golden: tuple[Golden, ...]
) -> dict[str, tuple[Golden, ...]]:
    """Those that passed, each with its own answers to the golden inputs."""
    return {
        engine: tuple(
            replace(item, label=answer["label"], score=float(answer["score"]))
            for item, answer in zip(golden, it["golden"], strict=True)
        )
        for engine, it in told.items()
        if it["passed"] is True
    }


def find_releases(repository: Path) -> Iterator[ReleaseName]:
    """Name the releases on disk: every folder whose name reads like one and has a certificate."""
    for folder in sorted(repository.iterdir()):
        name = ReleaseName.parse(folder.name)
        if name and (folder / CERTIFICATE).is_file():
            yield name
