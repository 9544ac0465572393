"""A release that is complete on disk, though its model is no model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from python_backends.shared.image_transform import ImageTransform, ResizeFilter
from triptych.export.preprocess_steps import ImageStep
from triptych.export.release_writer import (
    Draft,
    EngineVerdict,
    GoldenInput,
    Verdict,
    staged_release,
)

DRAFT = Draft(
    name="digits",
    number=1,
    onnx_model=b"not really ONNX",
    labels=("0", "1", "2"),
    preprocess=ImageStep(ImageTransform(28, 32, ResizeFilter.BICUBIC), max_pixels=1_000_000),
    top_k=2,
    max_batch_size=32,
    source={"framework": "torch", "seed": "7"},
    metrics={"accuracy": 0.99},
)
VERDICT = Verdict(
    golden=(
        GoldenInput("zero.jpg", b"picture of zero", "0", 0.5),
        GoldenInput("one.jpg", b"picture of one", "1", 0.5),
    )
)
CREATED = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


def write(repository: Path, draft: Draft, verdict: Verdict = VERDICT) -> Path:
    """Stage and publish a draft; the folder that comes back is the ensemble's."""
    with staged_release(repository, draft) as staged:
        return staged.publish(verdict, git_commit="abc123", created=CREATED)


def write_small_release(
    repository: Path, name: str = "digits", number: int = 1, verdict: Verdict = VERDICT
) -> Path:
    """Write the release above under another name or number."""
    return write(repository, replace(DRAFT, name=name, number=number), verdict)


ENGINES = ("onnxruntime", "openvino", "openvino-bf16")
ENGINE_VERDICTS = {
    "onnxruntime": EngineVerdict(passed=True, parity={}, answers=(("0", 0.5), ("1", 0.5))),
    "openvino": EngineVerdict(passed=True, parity={}, answers=(("0", 0.505), ("1", 0.495))),
    "openvino-bf16": EngineVerdict(passed=False, parity={"failures": ["it is no good"]}),
}


def write_release_with_engines(
    repository: Path, engines: Mapping[str, EngineVerdict] = ENGINE_VERDICTS, number: int = 1
) -> Path:
    """The same, on trial with three engines."""
    draft = replace(DRAFT, number=number, engines=ENGINES)
    return write(repository, draft, replace(VERDICT, engines=engines))
