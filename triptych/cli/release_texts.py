"""Releases as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from triptych.releases.difference import Change, Difference
from triptych.releases.pruning import Plan

_SHOWN_LABELS: Final = 8
_COLUMNS: Final = ("RELEASE", "TASK", "PRECISION", "CLASSES", "SIZE", "CREATED", "STATE")


def table(summaries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """One line per release, under a headline."""
    rows = [_COLUMNS, *(_row(summary) for summary in summaries)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _row(summary: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        summary["name"],
        summary["task"],
        summary["precision"],
        str(summary["classes"]),
        _size(summary["size_bytes"]),
        _moment(summary["created"]),
        _state(summary),
    )


def _state(summary: Mapping[str, Any]) -> str:
    promotable = "promotable" if summary["promotable"] else "not promotable"
    if summary["promotable"] and summary["forced"]:
        promotable = "promotable (forced)"
    return f"routed, {promotable}" if summary["routed"] else promotable


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"


def _moment(created: str) -> str:
    return created[:16].replace("T", " ")


def sheet(described: Mapping[str, Any]) -> Iterator[str]:
    """Everything about one release, one field a line."""
    rows = [
        ("release", f"{described['name']}, {_state(described)}"),
        ("task", f"{described['task']}, {described['precision']}"),
        *((("version", described["semver"]),) if described["semver"] else ()),
        ("created", f"{_moment(described['created'])}, commit {described['git_commit'][:12]}"),
        ("size", _size(described["size_bytes"])),
        ("source", _fields(described["source"])),
        ("transform", _fields(described["transform"])),
        ("labels", _labels(described["labels"])),
        ("answers", f"{described['top_k']} labels per item"),
        ("batches", f"{described['max_batch_size']} items at most"),
        ("golden", f"{described['golden']} inputs"),
        ("parity", _parity(described["parity"])),
        *(("accuracy", f"{name} {value:.4f}") for name, value in described["accuracy"].items()),
    ]
    width = max(len(name) for name, _ in rows)
    return (f"{name:<{width}}  {value}" for name, value in rows)


def _fields(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in values.items()) or "not told"


def _labels(labels: Sequence[str]) -> str:
    more = ", ..." if len(labels) > _SHOWN_LABELS else ""
    return f"{len(labels)}: {', '.join(labels[:_SHOWN_LABELS])}{more}"


def _parity(report: Mapping[str, Any] | None) -> str:
    match report:
        case None:
            return "no report: this release went through no gate"
        case {
            "passed": bool(passed),
            "inputs": int(inputs),
            "top_1_agreement": float() | int() as agreement,
            "scores": {"largest": float() | int() as largest},
        }:
            why = "; ".join(map(str, report.get("failures", ())))
            verdict = "passed" if passed else f"NOT passed ({why})"
            return (
                f"{verdict}; {agreement:.2%} of {inputs} golden inputs agree, "
                f"scores differ by {largest:.2g} at most"
            )
        case _:
            return "there is a report, which this version does not know; see --json"


def differences(difference: Difference) -> Iterator[str]:
    """What changed, one line each."""
    yield f"weights: {'same' if difference.are_weights_same else 'changed'}"
    for field, change in difference.changes.items():
        yield f"{field}: {_value(change.before)} -> {_value(change.after)}{_rise(field, change)}"
    if difference.labels_added:
        yield f"labels added: {_labels(difference.labels_added)}"
    if difference.labels_removed:
        yield f"labels removed: {_labels(difference.labels_removed)}"
    if difference.are_labels_reordered:
        yield "labels: in another order"
    for file in difference.changed_files:
        yield f"file changed: {file.removeprefix('_')}"


def _value(value: object) -> str:
    match value:
        case None:
            return "none"
        case list() | tuple():
            return " ".join(map(str, value))
        case _:
            return str(value)


def _rise(field: str, change: Change) -> str:
    """By how much an accuracy rose or fell, in percentage points."""
    match change:
        case Change(float() as before, float() as after) if field.startswith("accuracy."):
            return f" ({(after - before) * 100:+.2f} points)"
        case _:
            return ""


def plan_lines(plan: Plan) -> Iterator[str]:
    """What is to be removed, one line each."""
    for release in plan.releases:
        yield f"  {release}"
    for folder in plan.leftovers:
        yield f"  {folder.name} (left by a writer that did not finish)"
