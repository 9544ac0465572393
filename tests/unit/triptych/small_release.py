"""A release that is complete on disk, though its model is no model."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from python_backends.shared.image_transform import ImageTransform, ResizeFilter
from triptych.export.release_writer import GoldenInput, ImageClassifier, write_release

CLASSIFIER = ImageClassifier(
    name="digits",
    number=1,
    onnx_model=b"not really ONNX",
    labels=("0", "1", "2"),
    transform=ImageTransform(28, 32, ResizeFilter.BICUBIC),
    top_k=2,
    max_batch_size=32,
    max_pixels=1_000_000,
    golden=(
        GoldenInput("zero.jpg", b"picture of zero", "0", 0.5),
        GoldenInput("one.jpg", b"picture of one", "1", 0.5),
    ),
    source={"framework": "torch", "seed": "7"},
    metrics={"accuracy": 0.99},
)


def write_small_release(repository: Path, name: str = "digits", number: int = 1) -> Path:
    """Write it; the folder that comes back is the ensemble's."""
    repository.mkdir(exist_ok=True)
    release = replace(CLASSIFIER, name=name, number=number)
    created = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return write_release(repository, release, git_commit="abc123", created=created)
