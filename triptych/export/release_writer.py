"""Write a release into model_repository/: four model folders, whole or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from python_backends.shared.contract import Task
from triptych.engines import ONNXRUNTIME, TENSORRT, config_file
from triptych.export.model_configs import PipelineShape, model_config, pipeline_configs
from triptych.export.preprocess_steps import PreprocessStep
from triptych.export.publishing import check_name, move_into_place, writing_folder
from triptych.release import CERTIFICATE, GOLDEN_FOLDER, sha256
from triptych.routing import ReleaseName


@dataclass(frozen=True)
class GoldenInput:
    """One input, an encoded image or a text, with the answer that the release has to give to it."""

    file_name: str
    encoded: bytes
    label: str
    score: float  # softmax probability of `label`, 0 to 1


@dataclass(frozen=True)
class Draft:
    """Everything that becomes one release, but for what can only be known once it is served."""

    name: str
    number: int
    onnx_model: bytes  # what preprocess gives -> LOGITS float32 [N, C]
    labels: tuple[str, ...]
    preprocess: PreprocessStep
    top_k: int
    max_batch_size: int
    source: Mapping[str, str]  # framework, version, script, data, seed: where it comes from
    metrics: Mapping[str, object] = field(default_factory=dict)  # what was measured, JSON-able
    precision: str = "fp32"
    semver: str | None = None  # as Semantic Versioning 2.0.0 has it
    engine: str = ONNXRUNTIME  # what its config.pbtxt names
    engines: tuple[str, ...] = ()  # all that are tried; none where nothing is said of engines
    multiply_accumulates: int = 0  # of one item; 0 where they were not counted

    @property
    def release(self) -> ReleaseName:
        """Its name with its number."""
        return ReleaseName(self.name, self.number)

    @property
    def configured_engines(self) -> tuple[str, ...]:
        """Those on trial, and TensorRT, which only a supervisor beside a GPU can try.

        Its plans are of fp16, made from fp32 weights: int8 has its own networks already.
        """
        may_have_plan = self.preprocess.task is Task.IMAGE_CLASSIFICATION
        if self.engines and may_have_plan and self.precision == "fp32":
            return (*self.engines, TENSORRT)
        return self.engines


@dataclass(frozen=True)
class EngineVerdict:
    """What the gate says of one engine, and its answers to the golden inputs that are kept.

    Attributes:
        passed: Whether a supervisor may switch to it.
        parity: The report of the gate, JSON-able, or why there is none.
        answers: Label and score, in the order of the golden inputs; none where it did not pass.
    """

    passed: bool
    parity: Mapping[str, object]
    answers: tuple[tuple[str, float], ...] = ()

    def to_json(self) -> dict[str, object]:
        """As it stands in release.json."""
        golden = [{"label": label, "score": score} for label, score in self.answers]
        return {"passed": self.passed, "parity": dict(self.parity), "golden": golden}


@dataclass(frozen=True)
class Verdict:
    """What only the served pipeline can tell.

    Attributes:
        golden: What canaries replay.
        parity: The report of the gate, JSON-able; None where there was no gate.
        promotable: Whether a route may name the release.
        is_forced: Whether somebody made it promotable although the gate did not pass.
        documents: Further files of the ensemble's folder, by name.
        engines: What each engine came to; one that did not pass has no configuration.
    """

    golden: tuple[GoldenInput, ...]
    parity: Mapping[str, object] | None = None
    promotable: bool = True
    is_forced: bool = False
    documents: Mapping[str, str] = field(default_factory=dict)
    engines: Mapping[str, EngineVerdict] = field(default_factory=dict)


class StagedRelease:
    """The four model folders in a scratch repository, servable but not yet published."""

    def __init__(self, repository: Path, scratch: Path, draft: Draft) -> None:
        self.repository = scratch
        self._target = repository
        self._draft = draft
        _write_models(scratch, draft)

    def publish(self, verdict: Verdict, *, git_commit: str, created: datetime) -> Path:
        """Move the folders into the repository; the ensemble's, which makes it visible, comes last.

        Returns:
            The ensemble's folder, which holds release.json.

        Raises:
            ReleaseExists: somebody else took the number meanwhile.
        """
        name = str(self._draft.release)
        for file_name, text in verdict.documents.items():
            (self.repository / name / file_name).write_text(text, encoding="utf-8")
        self._drop_refused(verdict)
        artifacts = _hash_files(self.repository)
        _write_golden(self.repository / name / GOLDEN_FOLDER, verdict.golden)
        certificate = _certificate(self._draft, verdict, artifacts, git_commit, created)
        text = json.dumps(certificate, indent=2, ensure_ascii=False)
        (self.repository / name / CERTIFICATE).write_text(text + "\n", encoding="utf-8")
        move_into_place(self.repository, self._target, self._draft.release)
        return self._target / name

    def _drop_refused(self, verdict: Verdict) -> None:
        folder = self.repository / self._draft.release.step("model")
        refused = [engine for engine, found in verdict.engines.items() if not found.passed]
        if refused and len(refused) == len(
            verdict.engines
        ):  # then there is nothing to hold a plan against
            refused = [*self._draft.configured_engines]
        for engine in refused:
            file = config_file(folder, engine)
            file.unlink()
            with suppress(OSError):  # others are left
                file.parent.rmdir()


@contextmanager
def staged_release(repository: Path, draft: Draft) -> Iterator[StagedRelease]:
    """Write a draft where Triton can be pointed at it; what is not published is gone afterwards.

    Raises:
        ReleaseNameInvalid: the name could not be read back.
        ReleaseExists: releases are immutable, so a number is used once.
    """
    check_name(repository, draft.release)
    with writing_folder(repository) as scratch:
        yield StagedRelease(repository, scratch, draft)


def _write_models(scratch: Path, draft: Draft) -> None:
    shape = PipelineShape(
        preprocess=draft.preprocess,
        classes=len(draft.labels),
        top_k=draft.top_k,
        max_batch_size=draft.max_batch_size,
        multiply_accumulates=draft.multiply_accumulates,
    )
    name = draft.release
    for model, text in pipeline_configs(name, shape, draft.engine).items():
        version = scratch / model / "1"
        version.mkdir(parents=True)
        (scratch / model / "config.pbtxt").write_text(text)
        # Triton wants a version folder even where nothing is in it, and git keeps no empty one.
        (version / ".gitkeep").touch()
    for engine in draft.configured_engines:
        file = config_file(scratch / name.step("model"), engine)
        file.parent.mkdir(exist_ok=True)
        file.write_text(model_config(name, shape, engine))
    onnx_file = scratch / name.step("model") / "1" / "model.onnx"
    onnx_file.write_bytes(draft.onnx_model)
    (onnx_file.parent / ".gitkeep").unlink()
    for file_name, content in draft.preprocess.files().items():
        (scratch / name.step("preprocess") / file_name).write_bytes(content)
    labels = "".join(f"{label}\n" for label in draft.labels)
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
    draft: Draft, verdict: Verdict, artifacts: dict[str, str], git_commit: str, created: datetime
) -> dict[str, object]:
    return {
        "schema": 1,
        "name": draft.name,
        "number": draft.number,
        **({} if draft.semver is None else {"semver": draft.semver}),
        "task": draft.preprocess.task,
        "promotable": verdict.promotable,
        "forced": verdict.is_forced,
        "created": created.isoformat(timespec="seconds"),
        "git_commit": git_commit,
        "source": dict(draft.source),
        "precision": draft.precision,
        **({"engine": draft.engine} if draft.engines else {}),
        "multiply_accumulates": draft.multiply_accumulates,
        "max_batch_size": draft.max_batch_size,
        "top_k": draft.top_k,
        **draft.preprocess.to_json(),
        "labels": list(draft.labels),
        "artifacts": artifacts,
        "golden": [
            {
                "file": item.file_name,
                "sha256": hashlib.sha256(item.encoded).hexdigest(),
                "label": item.label,
                "score": item.score,
            }
            for item in verdict.golden
        ],
        "parity": None if verdict.parity is None else dict(verdict.parity),
        "metrics": dict(draft.metrics),
        **(
            {"engines": {name: it.to_json() for name, it in verdict.engines.items()}}
            if verdict.engines
            else {}
        ),
    }
