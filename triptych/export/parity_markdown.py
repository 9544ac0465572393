"""The parity report as a page that a person reads. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from triptych.export.parity import Difference, ParityReport
from triptych.export.release_writer import Draft, EngineVerdict


def to_markdown(
    draft: Draft, report: ParityReport, engines: Mapping[str, EngineVerdict], *, is_forced: bool
) -> str:
    """One page: the verdict, the table, what disagreed, and what may be switched to."""
    verdict = "passed" if report.has_passed else "NOT passed"
    if is_forced:
        verdict += ", made promotable by --force"
    lines = [
        f"# Parity of {draft.release} with its source: {verdict}",
        "",
        f"Source: {', '.join(f'{key} {value}' for key, value in draft.source.items())}.",
        f"Precision: {draft.precision}. Preprocessing on the source's side: "
        f"{report.preprocessing}.",
        "",
        *[f"- {sentence}" for sentence in report.failures],
        *([""] if report.failures else []),
        "| what | value | asked for |",
        "| --- | --- | --- |",
        *(f"| {' | '.join(row)} |" for row in _rows(report)),
    ]
    if report.disagreements:
        lines += ["", "| golden input | source | served |", "| --- | --- | --- |"]
        lines += [f"| {' | '.join(map(_cell, row))} |" for row in report.disagreements]
    if engines:
        lines += ["", "| engine | may be switched to |", "| --- | --- |"]
        lines += [f"| {name} | {engine_sentence(it)} |" for name, it in engines.items()]
    return "\n".join(lines) + "\n"


def engine_sentence(verdict: EngineVerdict) -> str:
    """What the gate says of one engine, in one line."""
    match verdict.parity:
        case {
            "top_1_agreement": float() | int() as agreement,
            "scores": {"largest": float() | int() as largest},
            "failures": list() | tuple() as failures,
        }:
            measured = f"{agreement:.2%} agree, scores differ by {largest:.2g} at most"
            reasons = (measured,) if verdict.passed else (measured, *failures)
        case {"failures": list() | tuple() as failures}:
            reasons = tuple(failures)
        case _:
            reasons = ()
    answer = "yes" if verdict.passed else "no"
    return f"{answer}: {'; '.join(reasons)}" if reasons else answer


def _rows(report: ParityReport) -> list[tuple[str, str, str]]:
    score = report.tolerances.score
    rows = [
        ("golden inputs", str(report.inputs), ""),
        ("classes met", f"{report.classes_met} of {report.classes}", f"{min(report.classes, 5)}"),
        ("top-1 agreement", f"{report.top_1_agreement:.2%}", f"{report.tolerances.top_1:.2%}"),
        ("top-5 overlap", f"{report.top_5_overlap:.2%}", ""),
        ("score difference", _both(report.scores), "" if score is None else f"{score:g}"),
        ("preprocess step: pixels (0 to 255) or token ids", _both(report.features), ""),
        ("model step alone: scores", _both(report.model_scores), ""),
    ]
    if report.model_logits is not None:
        rows.append(("model step alone: logits", _both(report.model_logits), ""))
    return rows


def _both(difference: Difference) -> str:
    return f"{difference.largest:.2g} largest, {difference.mean:.2g} mean"


def _cell(text: str) -> str:
    return text.replace("|", "\\|") or "(refused)"
