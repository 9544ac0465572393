"""From a loaded source to a release: precision, labels, the parity gate, and the files on disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final, Protocol, TypeVar

import numpy as np

from python_backends.shared.contract import Status
from triptych.engines import ENGINES, computing_precision
from triptych.errors import EngineUnfit, OptionInvalid, StartFailed
from triptych.export.feeding import feed
from triptych.export.gate import Gate, Wishes, best_answer
from triptych.export.golden_inputs import Item, builtin_items, read_items
from triptych.export.loaded_model import LoadedModel, SourceModel, SourceOptions, Tensors
from triptych.export.parity import ParityReport
from triptych.export.parity_markdown import to_markdown
from triptych.export.provenance import git_commit
from triptych.export.publishing import check_name, next_number
from triptych.export.release_writer import (
    Draft,
    EngineVerdict,
    GoldenInput,
    StagedRelease,
    Verdict,
    staged_release,
)
from triptych.export.semantic_version import check_semver
from triptych.export.served_answers import ServedAnswers, ask_engines, serving_python
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
    engine: str | None = None
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
    engines: Mapping[str, EngineVerdict]


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
    engines = _engines(request)
    progress.step(f"Loading and converting {request.source}")
    loaded = load_source(request.source, request.options)
    items = _golden_items(request, loaded)
    if request.precision == "int8":
        loaded = _quantised(loaded, request, progress)
    draft = _draft(request, loaded, number)
    for engine, following in pairwise(engines):
        try:
            return _export_on(replace(draft, engine=engine), request, loaded, items, progress)
        except (StartFailed, EngineUnfit) as exc:
            progress.step(f"{engine} does not take this network; trying {following}. {exc}")
    return _export_on(replace(draft, engine=engines[-1]), request, loaded, items, progress)


def _export_on(
    draft: Draft,
    request: ExportRequest,
    loaded: LoadedModel,
    items: list[Item],
    progress: Progress,
) -> Exported:
    """Try with quick preprocessing first; the gate says whether that will do."""
    quick = replace(loaded, step=loaded.step.quick())
    is_retried = quick.step != loaded.step
    quick_draft = replace(draft, preprocess=quick.step)
    exported = _judge(request, quick_draft, quick, items, progress, is_retried=is_retried)
    if exported is None:
        progress.step("Quick preprocessing is too far beside the source's; trying without")
        exported = _judge(request, draft, loaded, items, progress, is_retried=False)
    assert exported is not None  # noqa: S101 - what is not tried again is answered
    return exported


def _judge(
    request: ExportRequest,
    draft: Draft,
    loaded: LoadedModel,
    items: list[Item],
    progress: Progress,
    *,
    is_retried: bool,
) -> Exported | None:
    """Serve it, compare it, write it; None where it has failed and there is another way to try."""
    with staged_release(request.model_repository, draft) as staged:
        progress.step(f"Serving {len(items)} golden inputs with Triton")
        encoded = [item.encoded for item in items]
        others = [engine for engine in draft.engines if engine != draft.engine]
        served, by_engine = ask_engines(
            staged.repository, draft.release, loaded.task, encoded, others
        )
        gate = _gate(request, loaded, items, progress)
        report = gate.judge(served, computing_precision(draft.engine, draft.precision))
        if is_retried and report.is_meaningful and not report.has_passed:
            return None
        promotable = report.has_passed or request.is_forced
        kept = keep_golden(items, served)
        own = EngineVerdict(promotable, report.to_json(), gate.answers(served, kept))
        engines = {draft.engine: own} | {
            engine: gate.judge_engine(answers, computing_precision(engine, draft.precision), kept)
            for engine, answers in by_engine.items()
        }
        folder = None
        if not request.is_dry_run:
            folder = _publish(request, draft, staged, report, Verdict(kept, engines=engines))
    return Exported(draft, report, promotable, folder, engines)


def _engines(request: ExportRequest) -> tuple[str, ...]:
    """What config.pbtxt is to name, and what if that does not take the network."""
    engines = ENGINES[request.precision]
    if request.engine is None:
        return engines
    if request.engine not in engines:
        raise OptionInvalid(
            f"--engine {request.engine} does not go with {request.precision}: {', '.join(engines)}."
        )
    return (request.engine,)


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
    from triptych.export.multiply_accumulates import (  # noqa: PLC0415 - needs onnx, of the extras
        count_multiply_accumulates,
    )

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
        engines=ENGINES[request.precision],
        multiply_accumulates=count_multiply_accumulates(loaded.graph),
    )


def _gate(
    request: ExportRequest, loaded: LoadedModel, items: list[Item], progress: Progress
) -> Gate:
    with progress.bar(items, "Asking the source framework") as bar:
        prepared = [_prepare(loaded.source, item) for item in bar]
    columns = tuple(np.stack(column) for column in zip(*prepared, strict=True))
    wishes = Wishes(request.tolerance_top_1, request.tolerance_score, request.is_untrained)
    return Gate(loaded, items, columns, wishes)


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
            *best_answer(served, row),
        )
        for row in kept
    )


def _publish(
    request: ExportRequest,
    draft: Draft,
    staged: StagedRelease,
    report: ParityReport,
    judged: Verdict,
) -> Path:
    is_forced = request.is_forced and not report.has_passed
    page = to_markdown(draft, report, judged.engines, is_forced=is_forced)
    verdict = replace(
        judged,
        parity=report.to_json(),
        promotable=report.has_passed or request.is_forced,
        is_forced=is_forced,
        documents={PARITY_PAGE: page},
    )
    commit = git_commit(request.model_repository)
    return staged.publish(verdict, git_commit=commit, created=datetime.now(tz=UTC))
