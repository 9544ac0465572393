"""Write a release into model_repository/: four model folders, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from python_backends.shared.image_transform import ImageTransform
from triptych.errors import ReleaseExists, ReleaseNameInvalid
from triptych.export.model_configs import PipelineShape, pipeline_configs
from triptych.release import CERTIFICATE, GOLDEN_FOLDER, find_releases, sha256
from triptych.routing import ReleaseName


@dataclass(frozen=True)
class GoldenInput:
    """One encoded input with the answer that the source model gave to it."""

    file_name: str
    encoded: bytes
    label: str
    score: float  # softmax probability of `label`, 0 to 1


@dataclass(frozen=True)
class ImageClassifier:
    """Everything that becomes one image classification release."""

    name: str
    number: int
    onnx_model: bytes  # PIXELS uint8 [N, H, W, 3] RGB -> LOGITS float32 [N, C]
    labels: tuple[str, ...]
    transform: ImageTransform
    top_k: int
    max_batch_size: int
    max_pixels: int
    golden: tuple[GoldenInput, ...]
    source: Mapping[str, str]  # framework, version, script, data, seed: where it comes from
    metrics: Mapping[str, object]  # what was measured, JSON-able


def next_number(repository: Path, name: str) -> int:
    """The first free release number of a name."""
    taken = [release.number for release in find_releases(repository) if release.alias == name]
    return max(taken, default=0) + 1


def write_release(
    repository: Path, release: ImageClassifier, *, git_commit: str, created: datetime
) -> Path:
    """Write the folders of one release; the ensemble's, which makes it visible, comes last.

    Returns:
        The ensemble's folder, which holds release.json.

    Raises:
        ReleaseNameInvalid: the name could not be read back.
        ReleaseExists: releases are immutable, so a number is used once.
    """
    name = ReleaseName(release.name, release.number)
    if ReleaseName.parse(str(name)) != name:
        raise ReleaseNameInvalid(
            f"{release.name!r} is no release name: lower case, digits and '-', a letter first."
        )
    if (repository / str(name)).exists():
        raise ReleaseExists(f"{name} exists and releases are immutable; take the next number.")
    with tempfile.TemporaryDirectory(dir=repository, prefix=".writing-") as scratch_name:
        scratch = Path(scratch_name)
        _write_models(scratch, name, release)
        artifacts = _hash_files(scratch)
        _write_golden(scratch / str(name) / GOLDEN_FOLDER, release.golden)
        certificate = _certificate(release, artifacts, git_commit, created)
        text = json.dumps(certificate, indent=2, ensure_ascii=False)
        (scratch / str(name) / CERTIFICATE).write_text(text + "\n", encoding="utf-8")
        for folder in sorted(scratch.iterdir(), key=lambda path: path.name, reverse=True):
            shutil.rmtree(repository / folder.name, ignore_errors=True)  # left by a crash, unseen
            folder.rename(repository / folder.name)
    return repository / str(name)


def _write_models(scratch: Path, name: ReleaseName, release: ImageClassifier) -> None:
    shape = PipelineShape(
        transform=release.transform,
        classes=len(release.labels),
        top_k=release.top_k,
        max_batch_size=release.max_batch_size,
        max_pixels=release.max_pixels,
    )
    for model, text in pipeline_configs(name, shape).items():
        version = scratch / model / "1"
        version.mkdir(parents=True)
        (scratch / model / "config.pbtxt").write_text(text)
        # Triton wants a version folder even where nothing is in it, and git keeps no empty one.
        (version / ".gitkeep").touch()
    onnx_file = scratch / name.step("model") / "1" / "model.onnx"
    onnx_file.write_bytes(release.onnx_model)
    (onnx_file.parent / ".gitkeep").unlink()
    labels = "".join(f"{label}\n" for label in release.labels)
    (scratch / name.step("postprocess") / "labels.txt").write_text(labels, encoding="utf-8")


def _write_golden(folder: Path, golden: tuple[GoldenInput, ...]) -> None:
    folder.mkdir()
    for item in golden:
        (folder / item.file_name).write_bytes(item.encoded)


def _hash_files(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): sha256(file)
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != ".gitkeep"
    }


def _certificate(
    release: ImageClassifier, artifacts: dict[str, str], git_commit: str, created: datetime
) -> dict[str, object]:
    transform = release.transform
    return {
        "schema": 1,
        "name": release.name,
        "number": release.number,
        "task": "image-classification",
        "promotable": True,
        "created": created.isoformat(timespec="seconds"),
        "git_commit": git_commit,
        "source": dict(release.source),
        "max_batch_size": release.max_batch_size,
        "max_pixels": release.max_pixels,
        "top_k": release.top_k,
        "transform": {
            "resize": "stretch",
            "height_pixels": transform.height_pixels,
            "width_pixels": transform.width_pixels,
            "resize_filter": transform.resize_filter.name.lower(),
        },
        "labels": list(release.labels),
        "artifacts": artifacts,
        "golden": [
            {
                "file": item.file_name,
                "sha256": hashlib.sha256(item.encoded).hexdigest(),
                "label": item.label,
                "score": item.score,
            }
            for item in release.golden
        ],
        "metrics": dict(release.metrics),
    }
