"""From a loaded source to a release: precision, labels, the parity gate, and the files on disk."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol, TypeVar

import numpy as np

from python_backends.shared.contract import Status
from triptych.errors import OptionInvalid
from triptych.export.feeding import feed
from triptych.export.golden_inputs import Item, builtin_items, read_items
from triptych.export.loaded_model import LoadedModel, SourceModel, SourceOptions, Tensors
from triptych.export.parity import TOLERANCES, ParityReport, compare
from triptych.export.parity_markdown import to_markdown
from triptych.export.provenance import git_commit
from triptych.export.release_writer import (
    Draft,
    GoldenInput,
    StagedRelease,
    Verdict,
    check_name,
    next_number,
    staged_release,
)
from triptych.export.semantic_version import check_semver
from triptych.export.served_answers import ServedAnswers, ask_served, serving_python
from triptych.export.source import load_source
from triptych.routing import ReleaseName

PARITY_PAGE: Final = "parity.md"
_USUAL_LABELS: Final = 10
# Canaries replay these for as long as the release lives.
_GOLDEN_KEPT: Final = 12
_GOLDEN_BYTES: Final = 1_000_000
# Less between the best two labels could turn over on another machine's instructions.
_CLEAR_MARGIN: Final = 0.02

Element = TypeVar("Element")


class Progress(Protocol):
    """Where the exporter says what it does."""

    def step(self, sentence: str) -> None:
        """A new step begins."""

    def bar(self, items: list[Element], label: str) -> AbstractContextManager[Iterable[Element]]:
        """Go through items with a bar."""


@dataclass(frozen=True)
class ExportRequest:
    """Everything that a person says about one export; see the options of the command."""

    source: str
    name: str
    model_repository: Path
    number: int | None = None
    semver: str | None = None
    options: SourceOptions = field(default_factory=SourceOptions)
    top_k: int | None = None
    max_batch_size: int = 32
    golden: Path | None = None
    calibration: Path | None = None
    precision: str = "fp32"
    tolerance_top_1: float | None = None
    tolerance_score: float | None = None
    metrics: Mapping[str, object] = field(default_factory=dict)
    is_untrained: bool = False
    is_forced: bool = False
    is_dry_run: bool = False


@dataclass(frozen=True)
class Exported:
    """What came of it; `folder` is None after a dry run."""

    draft: Draft
    report: ParityReport
    promotable: bool
    folder: Path | None


def export(request: ExportRequest, progress: Progress) -> Exported:
    """Run the whole way.

    Raises:
        TriptychError: one sentence about what is wrong; nothing was written.
    """
    if request.semver is not None:
        check_semver(request.semver)
    number = request.number or next_number(request.model_repository, request.name)
    check_name(request.model_repository, ReleaseName(request.name, number))
    serving_python()  # before the long steps: without it there is no gate
    if request.precision == "int8" and request.calibration is None:
        raise OptionInvalid("int8 needs typical inputs to calibrate on; give --calibration DIR.")
    progress.step(f"Loading and converting {request.source}")
    loaded = load_source(request.source, request.options)
    items = _golden_items(request, loaded)
    if request.precision == "int8":
        loaded = _quantised(loaded, request, progress)
    draft = _draft(request, loaded, number)
    with staged_release(request.model_repository, draft) as staged:
        progress.step(f"Serving {len(items)} golden inputs with Triton")
        served = ask_served(
            staged.repository, draft.release, loaded.task, [it.encoded for it in items]
        )
        report = _report(request, loaded, items, served, progress)
        promotable = report.has_passed or request.is_forced
        folder = None
        if not request.is_dry_run:
            folder = _publish(request, draft, staged, report, keep_golden(items, served))
    return Exported(draft, report, promotable, folder)


def _golden_items(request: ExportRequest, loaded: LoadedModel) -> list[Item]:
    if request.golden is None:
        return builtin_items(loaded.task)
    return read_items(request.golden, loaded.task)


def _quantised(loaded: LoadedModel, request: ExportRequest, progress: Progress) -> LoadedModel:
    from triptych.export.quantise import quantise  # noqa: PLC0415 - needs onnx, of the extras

    assert request.calibration is not None  # noqa: S101 - checked before anything was loaded
    items = read_items(request.calibration, loaded.task)
    with progress.bar(items, "Preparing calibration inputs") as bar:
        feeds = [feed(loaded.step, item) for item in bar]
    progress.step("Quantising to int8")
    return replace(loaded, graph=quantise(loaded.graph, feeds))


def _draft(request: ExportRequest, loaded: LoadedModel, number: int) -> Draft:
    classes = len(loaded.labels)
    top_k = min(_USUAL_LABELS, classes) if request.top_k is None else request.top_k
    if not 1 <= top_k <= classes:
        raise OptionInvalid(f"--top-k is {top_k}; this network has {classes} classes.")
    is_int8, calibration = request.precision == "int8", request.calibration
    calibrated = {"calibration": calibration.name} if is_int8 and calibration else {}
    return Draft(
        name=request.name,
        number=number,
        onnx_model=loaded.graph.SerializeToString(),
        labels=loaded.labels,
        preprocess=loaded.step,
        top_k=top_k,
        max_batch_size=request.max_batch_size,
        source={**loaded.origin, **calibrated},
        precision=request.precision,
        metrics=request.metrics,
        semver=request.semver,
    )


def _report(
    request: ExportRequest,
    loaded: LoadedModel,
    items: list[Item],
    served: ServedAnswers,
    progress: Progress,
) -> ParityReport:
    usual = TOLERANCES[request.precision]
    for given in (request.tolerance_top_1, request.tolerance_score):
        if given is not None and not math.isfinite(given):
            raise OptionInvalid("A tolerance is a finite number.")
    tolerances = replace(
        usual,
        top_1=usual.top_1 if request.tolerance_top_1 is None else request.tolerance_top_1,
        score=usual.score if request.tolerance_score is None else request.tolerance_score,
    )
    with progress.bar(items, "Asking the source framework") as bar:
        prepared = [_prepare(loaded.source, item) for item in bar]
    return compare(
        [item.name for item in items],
        tuple(np.stack(column) for column in zip(*prepared, strict=True)),
        loaded.source,
        served,
        loaded.labels,
        is_trained=loaded.is_trained and not request.is_untrained,
        tolerances=tolerances,
    )


def _prepare(source: SourceModel, item: Item) -> Tensors:
    try:
        return source.prepare(item.encoded)
    except OptionInvalid as exc:
        raise OptionInvalid(f"{item.name} cannot be a golden input: {exc}.") from exc


def keep_golden(items: list[Item], served: ServedAnswers) -> tuple[GoldenInput, ...]:
    """Choose what canaries replay: clear answers first, and as many different labels as there are.

    Raises:
        OptionInvalid: none of the golden inputs was answered.
    """
    answered = [row for row in range(len(items)) if Status(served.status[row, 0]).is_answered]
    if not answered:
        raise OptionInvalid("The preprocess step refused every golden input.")
    margins = served.scores[:, 0] - (served.scores[:, 1] if served.scores.shape[1] > 1 else 0)
    seen: dict[str, int] = {}
    ranks = []
    for row in sorted(answered, key=lambda row: -margins[row]):
        label = str(served.labels[row, 0])
        seen[label] = seen.get(label, 0) + 1
        is_unclear = bool(margins[row] < _CLEAR_MARGIN)
        is_large = len(items[row].encoded) > _GOLDEN_BYTES
        ranks.append((is_unclear, is_large, seen[label], row))
    kept = sorted(row for *_, row in sorted(ranks)[:_GOLDEN_KEPT])
    return tuple(
        GoldenInput(
            items[row].name,
            items[row].encoded,
            str(served.labels[row, 0]),
            round(float(served.scores[row, 0]), 6),
        )
        for row in kept
    )


def _publish(
    request: ExportRequest,
    draft: Draft,
    staged: StagedRelease,
    report: ParityReport,
    golden: tuple[GoldenInput, ...],
) -> Path:
    is_forced = request.is_forced and not report.has_passed
    verdict = Verdict(
        golden=golden,
        parity=report.to_json(),
        promotable=report.has_passed or request.is_forced,
        is_forced=is_forced,
        documents={PARITY_PAGE: to_markdown(draft, report, is_forced=is_forced)},
    )
    commit = git_commit(request.model_repository)
    return staged.publish(verdict, git_commit=commit, created=datetime.now(tz=UTC))
